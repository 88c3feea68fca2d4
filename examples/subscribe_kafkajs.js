// Act on segment changes with KafkaJS: node subscribe_kafkajs.js [GROUP]
const { Kafka, logLevel } = require("kafkajs");
const { Database } = require("node-sqlite3-wasm");

const topic = (process.env.TOPIC_PREFIX ?? "") + "segment.changes.v1";
const seen = new Database("seen.db");
seen.run("CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY)");

async function main(groupId) {
  const kafka = new Kafka({ brokers: process.env.KAFKA.split(","), logLevel: logLevel.ERROR });
  const consumer = kafka.consumer({ groupId }); // reads only committed changes
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const change = JSON.parse(message.value.toString());
      if (!change.automation_safe || seen.get("SELECT 1 FROM seen WHERE event_id = ?", [change.event_id])) return;
      console.log(change.customer_id, change.segmentation, change.to?.id ?? "nothing"); // send your message here
      seen.run("INSERT INTO seen VALUES (?)", [change.event_id]);
    },
  });
}

main(process.argv[2] ?? "my-messages");
