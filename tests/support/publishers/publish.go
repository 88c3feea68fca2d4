// Publishes what standard input holds, one "codec TAB key TAB body" a line, with franz-go; codec "default" sets none.
package main

import (
	"bufio"
	"context"
	"log"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func main() {
	clients := map[string]*kgo.Client{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), "\t", 3)
		client, ok := clients[parts[0]]
		if !ok {
			options := []kgo.Opt{kgo.SeedBrokers(os.Args[1]), kgo.DefaultProduceTopic(os.Args[2])}
			if codec, ok := codecs[parts[0]]; ok {
				options = append(options, kgo.ProducerBatchCompression(codec))
			}
			var err error
			if client, err = kgo.NewClient(options...); err != nil {
				log.Fatal(err)
			}
			clients[parts[0]] = client
		}
		record := &kgo.Record{Key: []byte(parts[1]), Value: []byte(parts[2])}
		client.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				log.Fatal(err)
			}
		})
	}
	for _, client := range clients {
		if err := client.Flush(context.Background()); err != nil {
			log.Fatal(err)
		}
		client.Close()
	}
}
