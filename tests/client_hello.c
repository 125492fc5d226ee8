#include "tests/client_hello.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>

size_t make_hello(const char *name, uint8_t hello[HELLO_ROOM])
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *tls = SSL_new(context);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL_set_bio(tls, in, out);
	char text[300];
	snprintf(text, sizeof(text), "%s", name ? name : "");
	if (name) {
		assert_int_equal(SSL_set_tlsext_host_name(tls, text), 1);
	}
	assert_int_equal(SSL_connect(tls), -1); /* it waits for an answer */
	const int len = BIO_read(out, hello, HELLO_ROOM);
	assert_true(len > 100);
	SSL_free(tls);
	SSL_CTX_free(context);
	return (size_t)len;
}

static void grow(uint8_t *number, int bytes, size_t by)
{
	size_t value = 0;
	for (int i = 0; i < bytes; i++) {
		value = value << 8 | number[i];
	}
	value += by;
	for (int i = bytes - 1; i >= 0; i--, value >>= 8) {
		number[i] = (uint8_t)value;
	}
}

/* Where the length of all extensions stands. */
static uint8_t *extensions_of(uint8_t *hello)
{
	uint8_t *at = hello + 5 + 4 + 2 + 32;
	at += 1 + at[0];
	at += 2 + (at[0] << 8 | at[1]);
	return at + 1 + at[0];
}

size_t add_extension(
		uint8_t *hello, size_t len, unsigned int type, const void *data, size_t data_len)
{
	uint8_t *end = hello + len;
	assert_true(len + data_len + 4 <= HELLO_ROOM);
	const uint8_t head[] = { (uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(data_len >> 8),
		(uint8_t)data_len };
	memcpy(end, head, sizeof(head));
	memcpy(end + 4, data, data_len);
	grow(hello + 3, 2, data_len + 4);
	grow(hello + 6, 3, data_len + 4);
	grow(extensions_of(hello), 2, data_len + 4);
	return len + data_len + 4;
}
