// The Go peer: the three routes that are measured, as a careful Go programmer writes them with net/http and pgx. It
// serves HTTP itself, with no nginx in front. pgx prepares each statement once per connection and reads binary values.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	bodyLimit = 1 << 20
	// The best of 2, 4, 8, 16 and 32 on two cores: commits share a flush, and PostgreSQL does not crowd Go out.
	connections = 16

	columns = `uuid, survived, passenger_class, name, sex, age,
		siblings_or_spouses_aboard, parents_or_children_aboard, fare`
	selectOne = `SELECT ` + columns + ` FROM passengers WHERE uuid = $1`
	selectAll = `SELECT ` + columns + ` FROM passengers`
	insertOne = `INSERT INTO passengers (` + columns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ` + columns
)

type passenger struct {
	UUID          id       `json:"uuid"`
	Survived      *bool    `json:"survived"`
	Class         int16    `json:"passengerClass"`
	Name          string   `json:"name"`
	Sex           *string  `json:"sex"`
	Age           *float64 `json:"age"`
	SiblingsCount int16    `json:"siblingsOrSpousesAboard"`
	ParentsCount  int16    `json:"parentsOrChildrenAboard"`
	Fare          *float64 `json:"fare"`
}

// fields are the places that a row is scanned into, in the order of columns.
func (p *passenger) fields() []any {
	return []any{&p.UUID, &p.Survived, &p.Class, &p.Name, &p.Sex, &p.Age,
		&p.SiblingsCount, &p.ParentsCount, &p.Fare}
}

type server struct {
	pool *pgxpool.Pool
}

func (s *server) get(w http.ResponseWriter, r *http.Request) {
	key, err := parseID(strings.TrimPrefix(r.URL.Path, "/getpassenger/"))
	if err != nil {
		http.Error(w, "the uuid is malformed", http.StatusBadRequest)
		return
	}
	var p passenger
	err = s.pool.QueryRow(r.Context(), selectOne, key).Scan(p.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		http.NotFound(w, r)
		return
	}
	answer(w, &p, err)
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	rows, err := s.pool.Query(r.Context(), selectAll)
	if err != nil {
		answer(w, nil, err)
		return
	}
	all := make([]passenger, 0, 1024)
	var p passenger // each scan makes new values behind its pointers, so copies may be kept
	_, err = pgx.ForEachRow(rows, p.fields(), func() error {
		all = append(all, p)
		return nil
	})
	answer(w, all, err)
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	var p passenger
	if err := json.Unmarshal(body, &p); err != nil {
		http.Error(w, "the body is not a passenger", http.StatusBadRequest)
		return
	}
	row := s.pool.QueryRow(r.Context(), insertOne, newID(), p.Survived, p.Class, p.Name, p.Sex, p.Age,
		p.SiblingsCount, p.ParentsCount, p.Fare)
	created := make([]passenger, 1)
	err = row.Scan(created[0].fields()...)
	answer(w, created, err)
}

func answer(w http.ResponseWriter, value any, err error) {
	var body []byte
	if err == nil {
		body, err = json.Marshal(value)
	}
	if err != nil {
		log.Print(err)
		http.Error(w, "something went wrong here", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client may have gone; there is nobody left to tell
}

func openPool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	config.MaxConns = connections
	config.MinConns = connections
	return pgxpool.NewWithConfig(ctx, config)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	pool, err := openPool(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	s := &server{pool: pool}
	mux := http.NewServeMux()
	mux.HandleFunc("/getpassenger/", s.get)
	mux.HandleFunc("/passengerlist", s.list)
	mux.HandleFunc("/postpassenger", s.create)
	web := &http.Server{Addr: os.Getenv("LISTEN"), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = web.Shutdown(deadline)
	}()
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
