#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most requests need a few hundred bytes: the first block is small, later ones are whole pages. */
#define FIRST_BLOCK (1024 - sizeof(struct arena_block))
#define BLOCK       (4096 - sizeof(struct arena_block))

/* A piece from this size on gets a block of its own. */
#define OWN_BLOCK 1024

/* So does every piece when overruns are to be seen; gcc and clang say so in different ways. */
#if defined(__SANITIZE_ADDRESS__)
#define ALL_OWN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALL_OWN 1
#endif
#endif
#ifndef ALL_OWN
#define ALL_OWN 0
#endif

#define ALIGNMENT (_Alignof(max_align_t))

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    max_align_t bytes[]; /* so that the first piece is aligned, and each one whose size is rounded up */
};

void arena_init(struct arena *arena)
{
    arena->newest = NULL;
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->newest;

    while (block != NULL) {
        struct arena_block *older = block->older;

        free(block);
        block = older;
    }
    arena->newest = NULL;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    struct arena_block *newest = arena->newest;
    struct arena_block *block;

    if (size > SIZE_MAX - sizeof(*block))
        return NULL;
    block = malloc(sizeof(*block) + size);
    if (block == NULL)
        return NULL;
    block->used = 0;
    block->size = size;
    block->older = newest;
    arena->newest = block;
    return block;
}

/* A block that is full from the start goes behind the newest one, which so keeps being filled. */
static void *alloc_own(struct arena *arena, size_t size)
{
    struct arena_block *filling = arena->newest;
    struct arena_block *block = add_block(arena, size);

    if (block == NULL)
        return NULL;
    block->used = size;
    if (filling != NULL) {
        block->older = filling->older;
        filling->older = block;
        arena->newest = filling;
    }
    return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->newest;
    void *piece;

    if (ALL_OWN || size >= OWN_BLOCK)
        return alloc_own(arena, size);
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (block == NULL || block->size - block->used < size)
        block = add_block(arena, block == NULL ? FIRST_BLOCK : BLOCK);
    if (block == NULL)
        return NULL;
    piece = (char *)block->bytes + block->used;
    block->used += size;
    return piece;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t length)
{
    char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1) : NULL;

    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}
