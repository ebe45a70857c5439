#include "common/md5.h"

#include <openssl/evp.h>

/* A struct md5 is an EVP_MD_CTX by another name. */
struct md5 *md5_new(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    return (struct md5 *)ctx;
}

void md5_add(struct md5 *m, const void *bytes, size_t n)
{
    EVP_DigestUpdate((EVP_MD_CTX *)m, bytes, n);
}

void md5_end(struct md5 *m, uint8_t out[MD5_BYTES])
{
    EVP_DigestFinal_ex((EVP_MD_CTX *)m, out, NULL);
}

void md5_free(struct md5 *m)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)m);
}
