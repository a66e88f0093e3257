// Command load puts an HTTP/1.1 service under load: N keep-alive connections, each with one request in flight.
//
//	load -connections 64 -seconds 2 -bodies FILE -header 'Authorization: Bearer ...' http://127.0.0.1:8000/v1/fetch
//
// Each line of FILE is the body of one POST; connections draw lines at random (seeded). Standard output gets one JSON
// object: count, seconds, latencies in microseconds, statuses, and bytes of the bodies answered. It speaks plain HTTP
// over the socket itself, since Go's client takes as much of the machine as the service that is measured.
// It refuses answers without a Content-Length, and exits with 1 when a connection fails.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

type headers []string

func (h *headers) String() string     { return strings.Join(*h, ", ") }
func (h *headers) Set(v string) error { *h = append(*h, v); return nil }

type tally struct {
	latencies []time.Duration
	statuses  map[int]int
	bytes     int64
	err       error
}

type result struct {
	Count    int            `json:"count"`
	Seconds  float64        `json:"seconds"`
	Rate     float64        `json:"rate"`
	P50      float64        `json:"p50_us"`
	P90      float64        `json:"p90_us"`
	P99      float64        `json:"p99_us"`
	Max      float64        `json:"max_us"`
	Bytes    int64          `json:"bytes"`
	Statuses map[string]int `json:"statuses"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	var extra headers
	connections := flag.Int("connections", 64, "connections, each with one request in flight")
	seconds := flag.Float64("seconds", 2, "how long")
	warm := flag.Float64("warm", 0.1, "seconds at the beginning that do not count")
	bodies := flag.String("bodies", "", "file of request bodies, one a line")
	seed := flag.Int64("seed", 1, "of the order in which bodies are drawn")
	flag.Var(&extra, "header", "a header of every request; may be repeated")
	flag.Parse()
	if flag.NArg() != 1 || *bodies == "" || *connections < 1 {
		return errors.New("needs -bodies FILE and one URL")
	}
	target, err := url.Parse(flag.Arg(0))
	if err != nil || target.Scheme != "http" {
		return errors.New("the URL must be a plain http:// one")
	}
	requests, err := makeRequests(*bodies, target, extra)
	if err != nil {
		return err
	}
	start := time.Now()
	from := start.Add(time.Duration(*warm * float64(time.Second)))
	until := from.Add(time.Duration(*seconds * float64(time.Second)))
	tallies := make([]tally, *connections)
	var wait sync.WaitGroup
	for i := range tallies {
		wait.Add(1)
		go func() {
			defer wait.Done()
			draw := rand.New(rand.NewSource(*seed*1_000_003 + int64(i)))
			tallies[i] = drive(target.Host, requests, draw, from, until)
		}()
	}
	wait.Wait()
	return report(tallies, time.Since(from).Seconds())
}

func makeRequests(path string, target *url.URL, extra headers) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n", target.RequestURI(), target.Host)
	for _, one := range extra {
		head.WriteString(one + "\r\n")
	}
	var made [][]byte
	for _, body := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		made = append(made, fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head.String(), len(body), body))
	}
	return made, nil
}

func drive(host string, requests [][]byte, draw *rand.Rand, from, until time.Time) tally {
	found := tally{statuses: map[int]int{}, latencies: make([]time.Duration, 0, 4096)}
	connection, err := net.Dial("tcp", host)
	if err != nil {
		found.err = err
		return found
	}
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 64<<10)
	for {
		sent := time.Now()
		if sent.After(until) {
			return found
		}
		if err := connection.SetDeadline(sent.Add(60 * time.Second)); err != nil {
			found.err = err
			return found
		}
		if _, err := connection.Write(requests[draw.Intn(len(requests))]); err != nil {
			found.err = err
			return found
		}
		status, length, err := readAnswer(reader)
		if err != nil {
			found.err = err
			return found
		}
		if sent.After(from) {
			found.latencies = append(found.latencies, time.Since(sent))
			found.statuses[status]++
			found.bytes += int64(length)
		}
	}
}

func readAnswer(reader *bufio.Reader) (status, length int, err error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, errors.New("no status line")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	length = -1
	for {
		if line, err = reader.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if len(line) > 15 && bytes.EqualFold(line[:15], []byte("content-length:")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[15:]))); err != nil {
				return 0, 0, err
			}
		}
	}
	if length < 0 {
		return 0, 0, errors.New("an answer without a Content-Length")
	}
	_, err = io.CopyN(io.Discard, reader, int64(length))
	return status, length, err
}

func report(tallies []tally, seconds float64) error {
	var all []time.Duration
	found := result{Seconds: seconds, Statuses: map[string]int{}}
	for _, one := range tallies {
		if one.err != nil {
			return one.err
		}
		all = append(all, one.latencies...)
		found.Bytes += one.bytes
		for status, count := range one.statuses {
			found.Statuses[strconv.Itoa(status)] += count
		}
	}
	if len(all) == 0 {
		return errors.New("nothing was answered in time")
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 {
		return float64(all[min(len(all)-1, int(share*float64(len(all))))]) / float64(time.Microsecond)
	}
	found.Count = len(all)
	found.Rate = float64(len(all)) / seconds
	found.P50, found.P90, found.P99, found.Max = at(0.5), at(0.9), at(0.99), at(1)
	return json.NewEncoder(os.Stdout).Encode(found)
}
