// Publishes what standard input holds, one "codec TAB key TAB body" a line, with kafkajs; codec "default" sets none.
const fs = require("fs")
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require("kafkajs")
const zstd = require("@bokuweb/zstd-wasm")

// kafkajs brings gzip; every other codec comes from a package. Kafka takes LZ4 in independent blocks only.
CompressionCodecs[CompressionTypes.Snappy] = require("kafkajs-snappy")
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => require("lz4-napi").compressFrame(encoder.buffer),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)),
})
const types = { none: "None", gzip: "GZIP", snappy: "Snappy", lz4: "LZ4", zstd: "ZSTD" }

async function main(broker, topic) {
  await zstd.init()
  const kafka = new Kafka({ clientId: "publisher", brokers: [broker], logLevel: logLevel.ERROR })
  const producer = kafka.producer()
  await producer.connect()
  const byCodec = {}
  for (const line of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    const [codec, key, value] = line.split("\t")
    byCodec[codec] = [...(byCodec[codec] || []), { key, value }]
  }
  for (const [codec, messages] of Object.entries(byCodec)) {
    const compression = codec in types ? CompressionTypes[types[codec]] : undefined
    await producer.send({ topic, messages, ...(compression === undefined ? {} : { compression }) })
  }
  await producer.disconnect()
}

main(process.argv[2], process.argv[3]).catch(error => {
  console.error(error)
  process.exit(1)
})
