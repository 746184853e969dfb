// Produces two items, leases them, and completes them, with messages in protobuf.
//
//	npx @bufbuild/buf generate && go run . [URL]
//
// QUERATOR_API_KEY: the key, if the server has access control.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	duh "example.org/querator-example/gen/duh/v1"
	v1 "example.org/querator-example/gen/querator"
	v2 "example.org/querator-example/gen/querator/v2"
	"google.golang.org/protobuf/proto"
)

const (
	queue     = "go"
	mediaType = "application/protobuf"
)

// apiError is the reply to a call that the server refused.
type apiError struct{ reply *duh.Reply }

func (e *apiError) Error() string { return e.reply.GetMessage() }

// reason is the stable word of the error, or empty.
func (e *apiError) reason() string { return e.reply.GetDetails()["code"] }

// api calls a server.
type api struct{ url, key string }

// call sends a request, and reads the reply into reply.
func (a *api) call(name string, request, reply proto.Message) error {
	body, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	message, err := http.NewRequest(http.MethodPost, a.url+"/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	message.Header.Set("Content-Type", mediaType)
	message.Header.Set("Accept", mediaType)
	if a.key != "" {
		message.Header.Set("Authorization", "Bearer "+a.key)
	}
	answer, err := http.DefaultClient.Do(message)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusOK {
		return proto.Unmarshal(content, reply)
	}
	// A proxy may answer with something else.
	refused := &duh.Reply{}
	if answer.Header.Get("Content-Type") != mediaType || proto.Unmarshal(content, refused) != nil {
		return fmt.Errorf("%s: %s", name, answer.Status)
	}
	return &apiError{refused}
}

func run(a *api) error {
	err := a.call("v1/queues.create", &v1.QueueInfo{
		QueueName: queue, LeaseTimeout: "1m", ExpireTimeout: "24h", RequestedPartitions: 1,
	}, &duh.Reply{})
	var refused *apiError
	if err != nil && !(errors.As(err, &refused) && refused.reason() == "queue_exists") {
		return err
	}

	items := []*v2.QueueProduceItem{{Kind: "greeting", Utf8: "hello"}, {Kind: "greeting", Utf8: "world"}}
	produced := &v2.QueueProduceResponse{}
	if err := a.call("v2/queue.produce", &v2.QueueProduceRequest{
		QueueName: queue, RequestTimeout: "10s", Items: items,
	}, produced); err != nil {
		return err
	}
	fmt.Printf("produced %d items\n", len(produced.GetItems()))

	leased := &v2.QueueLeaseResponse{}
	if err := a.call("v2/queue.lease", &v2.QueueLeaseRequest{
		QueueName: queue, RequestTimeout: "10s", ClientId: "go-1", BatchSize: 10,
	}, leased); err != nil {
		return err
	}
	var ids []string
	for _, item := range leased.GetItems() {
		fmt.Printf("%s: %s\n", item.GetKind(), item.GetBytes())
		ids = append(ids, item.GetId())
	}

	completed := &v2.QueueCompleteResponse{}
	if err := a.call("v2/queue.complete", &v2.QueueCompleteRequest{
		QueueName: queue, Partition: leased.GetPartition(), RequestTimeout: "10s", Ids: ids,
	}, completed); err != nil {
		return err
	}
	for _, item := range completed.GetItems() {
		if item.GetCode() != "" {
			return fmt.Errorf("item %s was not completed: %s", item.GetId(), item.GetMessage())
		}
	}
	fmt.Printf("completed %d items\n", len(completed.GetItems()))
	return nil
}

func main() {
	a := &api{url: "http://localhost:2319", key: os.Getenv("QUERATOR_API_KEY")}
	if len(os.Args) > 1 {
		a.url = os.Args[1]
	}
	if err := run(a); err != nil {
		log.Fatal(err)
	}
}
