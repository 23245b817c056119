#include "digest.h"

#include <openssl/evp.h>

/* Each text behind its length, so that "a", "bc" is not "ab", "c". */
static bool add(EVP_MD_CTX *context, const char *text, size_t length)
{
    uint8_t size[8];
    for (int i = 0; i < 8; i++)
        size[i] = (uint8_t)((uint64_t)length >> (56 - 8 * i));
    return EVP_DigestUpdate(context, size, sizeof size) == 1 && EVP_DigestUpdate(context, text, length) == 1;
}

bool digest_uuid(char out[UUID_SIZE], const char *const *texts, const size_t *lengths, int count)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (int i = 0; good && i < count; i++)
        good = add(context, texts[i], lengths[i]);
    good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!good)
        return false;
    digest[6] = (uint8_t)(0x80 | (digest[6] & 0x0f));
    digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3f));
    uuid_print(out, digest);
    return true;
}
