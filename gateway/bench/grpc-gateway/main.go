// grpc-gateway v2 in front of the measured service, with its own defaults but for fields without a value:
// `grpc-gateway LISTEN BACKEND`. HTTP/1.1 and HTTP/2 in clear.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"bench/depot"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
)

func main() {
	listen, backend := os.Args[1], os.Args[2]
	// as the other contenders print: defaults left out
	marshaler := runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
		Marshaler: &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{}},
	})
	mux := runtime.NewServeMux(marshaler)
	dial := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := depot.RegisterDepotHandlerFromEndpoint(context.Background(), mux, backend, dial); err != nil {
		log.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Addr: listen, Handler: mux, Protocols: protocols}
	log.Fatal(server.ListenAndServe())
}
