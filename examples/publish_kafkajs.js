// Publish an order with KafkaJS: node publish_kafkajs.js CUSTOMER
const { randomUUID } = require("crypto");
const { Kafka, Partitioners, logLevel } = require("kafkajs");

const topic = (process.env.TOPIC_PREFIX ?? "") + "customer.events.v1";

async function main(customer) {
  const kafka = new Kafka({ brokers: process.env.KAFKA.split(","), logLevel: logLevel.ERROR });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const event = {
    event_id: randomUUID(), // reuse it if you send the event again
    type: "order.completed",
    customer_id: customer,
    occurred_at: new Date().toISOString(),
    order_id: randomUUID(),
    total: 59.9,
    currency: "EUR",
  };
  // The key is the customer, which keeps a customer's events in order.
  await producer.send({ topic, messages: [{ key: customer, value: JSON.stringify(event) }] });
  await producer.disconnect();
}

main(process.argv[2]);
