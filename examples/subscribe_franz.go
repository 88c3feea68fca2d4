//go:build ignore

// Act on segment changes with franz-go: go run subscribe_franz.go [GROUP]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"github.com/twmb/franz-go/pkg/kgo"
	"log"
	"os"
	"strings"
)

type change struct {
	EventID      string               `json:"event_id"`
	Customer     string               `json:"customer_id"`
	Segmentation string               `json:"segmentation"`
	Safe         bool                 `json:"automation_safe"`
	To           *struct{ ID string } `json:"to"`
}

func main() {
	noted, _ := os.OpenFile("seen.txt", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	lines, err := os.ReadFile("seen.txt")
	client, failed := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA"), ",")...),
		kgo.ConsumerGroup(append(os.Args[1:], "my-messages")[0]),
		kgo.ConsumeTopics(os.Getenv("TOPIC_PREFIX")+"segment.changes.v1"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), // only committed changes
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
	)
	if err != nil || failed != nil {
		log.Fatal(err, failed)
	}
	seen := map[string]bool{}
	for _, id := range strings.Fields(string(lines)) {
		seen[id] = true
	}
	for {
		client.PollFetches(context.Background()).EachRecord(func(record *kgo.Record) {
			var one change
			if json.Unmarshal(record.Value, &one) != nil || !one.Safe || seen[one.EventID] {
				return
			}
			to := "nothing"
			if one.To != nil {
				to = one.To.ID
			}
			fmt.Println(one.Customer, one.Segmentation, to) // send your message here
			seen[one.EventID] = true
			fmt.Fprintln(noted, one.EventID)
		})
		if err := client.CommitUncommittedOffsets(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
}
