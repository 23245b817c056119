// wrap: EVP_MD_CTX_new
#include "digest.h"

#include "inject.h"
#include "unit.h"

#include <openssl/evp.h>

INJECT_POINTER(EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())

static void digest(char out[UUID_SIZE], const char *one, const char *other)
{
    assert_true(digest_uuid(out, (const char *[]){one, other}, (size_t[]){strlen(one), strlen(other)}, 2));
}

/* sha256 of eight bytes of length, then "abc". */
static void a_digest_is_sha256_as_a_uuid_of_version_8(void **state)
{
    char uuid[UUID_SIZE];
    (void)state;
    assert_true(digest_uuid(uuid, (const char *[]){"abc"}, (size_t[]){3}, 1));
    assert_string_equal(uuid, "c3494ca1-a2cf-8eeb-8a11-ded316fb55b8");
}

static void the_same_texts_have_the_same_digest_and_others_another(void **state)
{
    char one[UUID_SIZE], same[UUID_SIZE], other[UUID_SIZE];
    (void)state;
    digest(one, "passengers", "key");
    digest(same, "passengers", "key");
    assert_string_equal(one, same);
    digest(other, "passengers", "kez");
    assert_string_not_equal(one, other);
    digest(other, "passenger", "skey");
    assert_string_not_equal(one, other);
    digest(other, "passengerskey", "");
    assert_string_not_equal(one, other);
}

static void a_text_may_have_any_bytes(void **state)
{
    char one[UUID_SIZE], other[UUID_SIZE];
    (void)state;
    assert_true(digest_uuid(one, (const char *[]){"a\0b"}, (size_t[]){3}, 1));
    assert_true(digest_uuid(other, (const char *[]){"a\0c"}, (size_t[]){3}, 1));
    assert_string_not_equal(one, other);
}

static void without_memory_there_is_none(void **state)
{
    char uuid[UUID_SIZE];
    (void)state;
    inject_at("EVP_MD_CTX_new", 1, ENOMEM);
    assert_false(digest_uuid(uuid, (const char *[]){"abc"}, (size_t[]){3}, 1));
    assert_int_equal(inject_off(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_is_sha256_as_a_uuid_of_version_8),
        cmocka_unit_test(the_same_texts_have_the_same_digest_and_others_another),
        cmocka_unit_test(a_text_may_have_any_bytes),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
