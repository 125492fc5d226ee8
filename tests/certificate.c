#include "tests/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S 86400L

X509 *certificate_create(EVP_PKEY *key, const char *subject_alt_name, int days_left)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(certificate), days_left * DAY_S);
	X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_ASC, (const unsigned char *)"cua test", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	X509_EXTENSION *place =
			X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, subject_alt_name);
	X509_add_ext(certificate, place, -1);
	X509_EXTENSION_free(place);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

void certificate_write(
		const char *subject_alt_name, const char *certificate_path, const char *key_path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_create(key, subject_alt_name, 10);
	FILE *certificate_file = fopen(certificate_path, "we"), *key_file = fopen(key_path, "we");
	assert_non_null(certificate_file);
	assert_non_null(key_file);
	assert_int_equal(PEM_write_X509(certificate_file, certificate), 1);
	assert_int_equal(PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(certificate_file);
	fclose(key_file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}
