/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>

#include "http/internal.h"

static int fail(struct error *e, const char *what, const char *file)
{
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    error_set(e, "cannot use the TLS %s %s: %s", what, file, reason);
    return error_where(e, "agent.tls.%s", what);
}

static int set_up(SSL_CTX *tls, const char *cert, const char *key, struct error *e)
{
    if (!SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION))
        return error_set(e, "OpenSSL does not know TLS 1.2");
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
        return fail(e, "cert", cert);
    if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(tls) != 1)
        return fail(e, "key", key);
    return 0;
}

SSL_CTX *tls_context_new(const char *cert, const char *key, struct error *e)
{
    if (text_empty(cert) || text_empty(key)) {
        error_set(e, "agent.tls: cert and key belong together");
        error_where(e, "agent.tls.%s", text_empty(cert) ? "cert" : "key");
        error_mend(e, "give both, or neither");
        return NULL;
    }
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls)
        abort();
    if (set_up(tls, cert, key, e) < 0) {
        SSL_CTX_free(tls);
        return NULL;
    }
    return tls;
}
