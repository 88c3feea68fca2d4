//go:build ignore

// Publish an order with franz-go: go run publish_franz.go CUSTOMER
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	customer := os.Args[1]
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA"), ",")...))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	order := "o-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	event, _ := json.Marshal(map[string]any{
		"event_id":    "e-" + order, // reuse it if you send the event again
		"type":        "order.completed",
		"customer_id": customer,
		"occurred_at": time.Now().UTC().Format(time.RFC3339Nano),
		"order_id":    order,
		"total":       59.9,
		"currency":    "EUR",
	})
	// The key is the customer, which keeps a customer's events in order.
	record := &kgo.Record{Topic: os.Getenv("TOPIC_PREFIX") + "customer.events.v1", Key: []byte(customer), Value: event}
	if err := client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
		log.Fatal(err)
	}
}
