package main

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// id is a uuid: sixteen bytes to PostgreSQL (the pgtype interfaces), text to a client.
type id [16]byte

var errMalformed = errors.New("malformed uuid")

// newID makes a UUIDv7: ordered by time, so that the index grows at its end, as purser's does.
func newID() id {
	var u id
	_, _ = rand.Read(u[6:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(time.Now().UnixMilli()))
	copy(u[:6], ms[2:])
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}

func parseID(text string) (id, error) {
	var u id
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return u, errMalformed
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return u, errMalformed
	}
	return u, nil
}

func (u id) MarshalText() ([]byte, error) {
	text := make([]byte, 36)
	hex.Encode(text, u[:4])
	hex.Encode(text[9:], u[4:6])
	hex.Encode(text[14:], u[6:8])
	hex.Encode(text[19:], u[8:10])
	hex.Encode(text[24:], u[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return text, nil
}

// UnmarshalText lets a body carry a uuid; create replaces it by one of its own.
func (u *id) UnmarshalText(text []byte) (err error) {
	*u, err = parseID(string(text))
	return err
}

func (u id) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: u, Valid: true}, nil }

func (u *id) ScanUUID(v pgtype.UUID) error {
	*u = v.Bytes
	return nil
}
