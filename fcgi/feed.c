#include "feed.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int feed_open(struct feed *feed)
{
    feed->memory = NULL;
    feed->fd = memfd_create("purser-request", MFD_CLOEXEC);
    if (feed->fd < 0)
        return -1;
    if (ftruncate(feed->fd, FEED_BYTES) == 0) {
        void *memory = mmap(NULL, FEED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, feed->fd, 0);
        if (memory != MAP_FAILED) {
            feed->memory = memory;
            return 0;
        }
    }
    feed_close(feed);
    return -1;
}

void feed_close(struct feed *feed)
{
    if (feed->memory != NULL)
        munmap(feed->memory, FEED_BYTES);
    if (feed->fd >= 0)
        close(feed->fd);
    *feed = (struct feed){.fd = -1};
}

int feed_put(struct feed *feed, const uint8_t *bytes, size_t length)
{
    size_t at = length < FEED_BYTES ? length : FEED_BYTES;
    memcpy(feed->memory, bytes, at);
    while (at < length) {
        ssize_t wrote = pwrite(feed->fd, bytes + at, length - at, (off_t)at);
        if (wrote < 0)
            return -1;
        at += (size_t)wrote;
    }
    return lseek(feed->fd, 0, SEEK_SET) == 0 ? 0 : -1;
}

int feed_trim(struct feed *feed, size_t length)
{
    return length > FEED_BYTES ? ftruncate(feed->fd, FEED_BYTES) : 0;
}
