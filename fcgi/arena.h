#ifndef PURSER_ARENA_H
#define PURSER_ARENA_H

/*
 * Memory that lives as long as one request and goes back whole. Under AddressSanitizer each piece is a malloc
 * of its own, so that an overrun is seen.
 */

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *newest; /* the block that is being filled, linked to the older ones */
};

void arena_init(struct arena *arena);

/* Give everything back; the arena is then as after arena_init. Pointers into it are dead. */
void arena_free(struct arena *arena);

/* `size` bytes, aligned for any type, not zeroed; NULL when memory ran out. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `length` bytes with a NUL after them; NULL when memory ran out. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);

#endif
