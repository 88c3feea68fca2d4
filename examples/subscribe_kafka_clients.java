// Act on segment changes with Apache's Java client and Jackson: java -cp 'lib/*' subscribe_kafka_clients.java [GROUP]
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

class SubscribeChanges {
    public static void main(String[] arguments) throws Exception {
        var noted = Path.of("seen.txt");
        Set<String> seen = new HashSet<>(Files.exists(noted) ? Files.readAllLines(noted) : List.of());
        var json = new ObjectMapper();
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", System.getenv("KAFKA"),
                "group.id", arguments.length > 0 ? arguments[0] : "my-messages",
                "isolation.level", "read_committed", // only committed changes
                "auto.offset.reset", "earliest",
                "enable.auto.commit", false);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(System.getenv().getOrDefault("TOPIC_PREFIX", "") + "segment.changes.v1"));
            while (true) {
                for (var record : consumer.poll(Duration.ofSeconds(1))) {
                    var change = json.readTree(record.value());
                    String id = change.get("event_id").asText();
                    if (change.get("automation_safe").asBoolean() && seen.add(id)) {
                        String to = change.get("to").isNull() ? "nothing" : change.get("to").get("id").asText();
                        // Send your message here.
                        System.out.println(record.key() + " " + change.get("segmentation").asText() + " " + to);
                        Files.writeString(noted, id + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                    }
                }
                consumer.commitSync();
            }
        }
    }
}
