// Publish an order with Apache's Java client: java -cp 'lib/*' publish_kafka_clients.java CUSTOMER
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

class PublishOrder {
    public static void main(String[] arguments) throws Exception {
        String customer = arguments[0];
        String topic = System.getenv().getOrDefault("TOPIC_PREFIX", "") + "customer.events.v1";
        // Reuse the event_id if you send the event again.
        String event = """
                {"event_id": "%s", "type": "order.completed", "customer_id": "%s", "occurred_at": "%s",
                 "order_id": "%s", "total": 59.9, "currency": "EUR"}"""
                .formatted(UUID.randomUUID(), customer, Instant.now(), UUID.randomUUID());
        Map<String, Object> settings = Map.of("bootstrap.servers", System.getenv("KAFKA"));
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            // The key is the customer, which keeps a customer's events in order. get() waits until Kafka has it.
            producer.send(new ProducerRecord<>(topic, customer, event)).get();
        }
    }
}
