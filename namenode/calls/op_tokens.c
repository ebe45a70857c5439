/* op_tokens.c -- delegation tokens, where there is no security to need them.
 *
 * Without Kerberos Hadoop's secret manager does not run: it hands out no token, so every token that
 * is shown to it is a stranger's.  It still reads such a token and says, in the order below, what
 * is wrong with it; clients print that.
 *
 * Format:  docs/formats/edits.md, "Delegation tokens": the identifier is the same there
 */
#include <time.h>

#include "namenode/calls/client_protocol.h"
#include "namenode/edits/edit_codec.h"

/* DelegationTokenIdentifier. */
struct token {
    const char *owner, *renewer, *real_user;
    int64_t issued_ms, max_ms, number, key;
};

static int read_token(struct op *op, const Pb__TokenProto *t, struct token *out)
{
    struct rd r = rd_of(t->identifier.data, t->identifier.len);
    int version = (int8_t)rd_be(&r, 1);

    if (!r.bad && version != 0)
        return err_set(&op->err, ERR_IO, "Unknown version of delegation token %d", version);
    out->owner = edit_read_text(&r, op->arena);
    out->renewer = edit_read_text(&r, op->arena);
    out->real_user = edit_read_text(&r, op->arena);
    out->issued_ms = edit_read_vlong(&r);
    out->max_ms = edit_read_vlong(&r);
    out->number = edit_read_vlong(&r);
    out->key = edit_read_vlong(&r);
    if (r.bad)
        return err_set(&op->err, ERR_CLOSED, "java.io.EOFException");
    return 0;
}

static const char *token_text(struct op *op, const struct token *t)
{
    const char *s =
        arena_printf(op->arena,
                     "(token for %s: HDFS_DELEGATION_TOKEN owner=%s, renewer=%s, "
                     "realUser=%s, issueDate=%lld, maxDate=%lld, sequenceNumber=%lld, "
                     "masterKeyId=%lld)",
                     t->owner, t->owner, t->renewer, t->real_user, (long long)t->issued_ms,
                     (long long)t->max_ms, (long long)t->number, (long long)t->key);

    return s ? s : "(token)";
}

static const char *time_text(struct op *op, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    char day[32], zone[16];
    const char *text;
    struct tm tm;

    if (!localtime_r(&s, &tm))
        return "?";
    strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    text = arena_printf(op->arena, "%s,%03d%s", day, (int)(ms % 1000), zone);
    return text ? text : "?";
}

int op_get_delegation_token(struct op *op, const Pb__GetDelegationTokenRequestProto *rq,
                            Pb__GetDelegationTokenResponseProto *rs)
{
    (void)rq, (void)rs;
    return op_check_safe_mode(op, "Cannot issue delegation token");
}

int op_renew_delegation_token(struct op *op, const Pb__RenewDelegationTokenRequestProto *rq,
                              Pb__RenewDelegationTokenResponseProto *rs)
{
    const char *user = op->user->name;
    struct token t;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot renew delegation token")) < 0 ||
        (rc = read_token(op, rq->token, &t)) < 0)
        return rc;
    if (t.max_ms < (int64_t)op->now_ms)
        return err_set(&op->err, ERR_TOKEN,
                       "%s tried to renew an expired token %s max expiration date: %s "
                       "currentTime: %s",
                       user, token_text(op, &t), time_text(op, t.max_ms),
                       time_text(op, (int64_t)op->now_ms));
    if (!*t.renewer)
        return err_set(&op->err, ERR_ACCESS, "%s tried to renew a token %s without a renewer", user,
                       token_text(op, &t));
    if (strcmp(t.renewer, user) != 0)
        return err_set(&op->err, ERR_ACCESS,
                       "%s tries to renew a token %s with non-matching renewer %s", user,
                       token_text(op, &t), t.renewer);
    return err_set(&op->err, ERR_TOKEN,
                   "Unable to find master key for keyId=%lld from cache. Failed to renew an "
                   "unexpired token %s with sequenceNumber=%lld",
                   (long long)t.key, token_text(op, &t), (long long)t.number);
}

int op_cancel_delegation_token(struct op *op, const Pb__CancelDelegationTokenRequestProto *rq,
                               Pb__CancelDelegationTokenResponseProto *rs)
{
    struct token t;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot cancel delegation token")) < 0 ||
        (rc = read_token(op, rq->token, &t)) < 0)
        return rc;
    if (strcmp(op->user->name, t.owner) != 0 && strcmp(op->user->name, t.renewer) != 0)
        return err_set(&op->err, ERR_ACCESS, "%s is not authorized to cancel the token %s",
                       op->user->name, token_text(op, &t));
    return err_set(&op->err, ERR_TOKEN, "Token not found %s", token_text(op, &t));
}

int op_get_data_encryption_key(struct op *op, const Pb__GetDataEncryptionKeyRequestProto *rq,
                               Pb__GetDataEncryptionKeyResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0; /* none: dfs.encrypt.data.transfer is off */
}
