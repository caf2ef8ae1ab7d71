// A reverse proxy from Go's standard library with a transport tuned for few backends and many connections.
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// copyBuffers spares an allocation of 32 KiB for each response.
type copyBuffers struct{ pool sync.Pool }

func (b *copyBuffers) Get() []byte       { return *b.pool.Get().(*[]byte) }
func (b *copyBuffers) Put(buffer []byte) { b.pool.Put(&buffer) }

func newCopyBuffers() *copyBuffers {
	return &copyBuffers{sync.Pool{New: func() any {
		buffer := make([]byte, 32*1024)
		return &buffer
	}}}
}

func main() {
	port, backends := os.Args[1], os.Args[2:]
	var turn uint64
	proxy := &httputil.ReverseProxy{
		Director: func(request *http.Request) {
			request.URL.Scheme = "http"
			request.URL.Host = backends[atomic.AddUint64(&turn, 1)%uint64(len(backends))]
		},
		Transport: &http.Transport{
			MaxIdleConns:        0,
			MaxIdleConnsPerHost: 8192,
			IdleConnTimeout:     10 * time.Minute,
			DisableCompression:  true,
		},
		BufferPool: newCopyBuffers(),
	}
	address, certificate := "127.0.0.1:"+port, os.Getenv("BENCH_TLS_CERT")
	if certificate != "" {
		log.Fatal(http.ListenAndServeTLS(address, certificate, os.Getenv("BENCH_TLS_KEY"), proxy))
	}
	log.Fatal(http.ListenAndServe(address, proxy))
}
