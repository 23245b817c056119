#ifndef PURSER_UUID_H
#define PURSER_UUID_H

/* UUIDs as text (RFC 9562), 36 lower-case characters and a NUL. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_SIZE 37

/*
 * Read the canonical 8-4-4-4-12 form in either case, exactly `length` characters of `text`, and write it in
 * lower case. Returns false, and writes nothing, for any other text.
 */
bool uuid_parse(char out[UUID_SIZE], const char *text, size_t length);

/* Write 16 bytes, most significant first, as text. */
void uuid_print(char out[UUID_SIZE], const uint8_t bytes[16]);

/* Version 7 (RFC 9562 section 5.7): `unix_ms` in front, the other 74 bits from `entropy`. Equal input, equal
 * UUID. */
void uuid_v7(char out[UUID_SIZE], uint64_t unix_ms, const uint8_t entropy[16]);

/*
 * Version 7 for the row number `counter` of one import: `counter` stands right behind the time, so that UUIDs
 * of one `unix_ms` sort by it; the remaining 42 bits are from `entropy`.
 */
void uuid_v7_counted(char out[UUID_SIZE], uint64_t unix_ms, uint32_t counter, const uint8_t entropy[16]);

/*
 * The UUID of the row that a request creates, made from what nginx says of the request, so that the same
 * request sent a second time makes the same UUID: `msec` is $msec ("1716243766.123"), `request_id` is
 * $request_id (32 hex digits). Returns false when either is not of that form.
 */
bool uuid_of_request(char out[UUID_SIZE], const char *msec, const char *request_id);

/*
 * The UUID of row `counter` of those that one request creates, made of the UUID that uuid_of_request, or
 * uuid_v7, gave the request: its time, then the counter, then its random bits.
 */
void uuid_of_row(char out[UUID_SIZE], const char *request, uint32_t counter);

/* 16 bytes from the kernel (getrandom(2)). Returns 0, or -1 with errno. */
int uuid_entropy(uint8_t out[16]);

#endif
