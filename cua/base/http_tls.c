/* libwebsockets takes TLS files of which it can use nothing, or says only on stderr what is wrong
 * with them. */

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "cua/base/http_server_internal.h"

/* The first error of OpenSSL is nearest to the cause. */
static const char *reason(void)
{
	const unsigned long error = ERR_peek_error();
	const char *text = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
						   : ERR_reason_error_string(error);
	return text ? text : "it cannot be read";
}

static enum cua_status check_files(
		SSL_CTX *tls, const struct cua_http_listen *listen, struct cua_error *err)
{
	const char *certificate = listen->certificate_path, *key = listen->key_path;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s cannot be used as a TLS certificate in PEM: %s", certificate,
				reason());
	}
	if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s cannot be used as the key in PEM of the TLS certificate %s: %s",
				key, certificate, reason());
	}
	return CUA_OK;
}

enum cua_status http_tls_check(const struct cua_http_listen *listen, struct cua_error *err)
{
	if (!listen->certificate_path && !listen->key_path) {
		return CUA_OK;
	}
	if (!listen->certificate_path || !listen->key_path) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"TLS needs a certificate and its key; the %s is missing",
				listen->key_path ? "certificate" : "key");
	}
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	if (!tls) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "TLS");
	}
	const enum cua_status status = check_files(tls, listen, err);
	SSL_CTX_free(tls);
	ERR_clear_error();
	return status;
}
