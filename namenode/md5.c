#include "namenode/md5.h"

#include <openssl/evp.h>
#include <string.h>

/* A struct md5 is OpenSSL's context under another name. */
static EVP_MD_CTX *context(struct md5 *m)
{
    return (EVP_MD_CTX *)(void *)m;
}

struct md5 *md5_new(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    if (c && !EVP_DigestInit_ex(c, EVP_md5(), NULL)) {
        EVP_MD_CTX_free(c);
        c = NULL;
    }
    return (struct md5 *)(void *)c;
}

void md5_add(struct md5 *m, const void *bytes, size_t n)
{
    EVP_DigestUpdate(context(m), bytes, n);
}

void md5_end(struct md5 *m, uint8_t out[MD5_BYTES])
{
    unsigned char sum[EVP_MAX_MD_SIZE] = {0};

    EVP_DigestFinal_ex(context(m), sum, NULL);
    memcpy(out, sum, MD5_BYTES);
}

void md5_free(struct md5 *m)
{
    EVP_MD_CTX_free(context(m));
}
