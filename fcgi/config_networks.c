/* Lists of networks: they go into nginx's configuration, so nothing else may be in them. */

#include "config.h"

#include <arpa/inet.h>
#include <string.h>

/* How many bits an address has: 32, 128, or 0 where the text is none. */
static int address_bits(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, text, address) == 1)
        return 32;
    return inet_pton(AF_INET6, text, address) == 1 ? 128 : 0;
}

/* A number from 0 to `most`, as it is written: no sign, no blank, no 0 in front. */
static bool is_length(const char *text, int most)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits] != '\0' || (*text == '0' && digits > 1))
        return false;
    int value = 0;
    while (*text != '\0')
        value = value * 10 + (*text++ - '0');
    return value <= most;
}

static bool is_network(const char *bytes, size_t length)
{
    char text[INET6_ADDRSTRLEN + sizeof "/128"];
    if (length >= sizeof text)
        return false;
    memcpy(text, bytes, length);
    text[length] = '\0';
    char *slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    int bits = address_bits(text);
    return bits != 0 && (slash == NULL || is_length(slash + 1, bits));
}

bool config_networks(const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        if (!is_network(text, length) || (text[length] == ',' && text[length + 1] == '\0'))
            return false;
        text += length + (text[length] == ',');
    }
    return true;
}
