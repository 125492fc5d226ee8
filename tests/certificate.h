#ifndef CUA_TESTS_CERTIFICATE_H
#define CUA_TESTS_CERTIFICATE_H

#include <openssl/x509.h>

/* A certificate that nobody has signed but itself, for the holder of key; to be freed.
 * subject_alt_name: "IP:127.0.0.1". It has expired if days_left is negative, and not by more than
 * nine days. */
X509 *certificate_create(EVP_PKEY *key, const char *subject_alt_name, int days_left);
/* A new key and its certificate, as PEM. */
void certificate_write(
		const char *subject_alt_name, const char *certificate_path, const char *key_path);

#endif
