#include "cua/egress/client_hello.h"

#include <string.h>

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_HEADER = 5,
	HANDSHAKE_CLIENT_HELLO = 1,
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32,
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ECH = 0xfe0d,
	EXTENSION_ESNI = 0xffce,
	NAME_TYPE_HOST = 0,
};

/* Bytes that are left to read; is_short once more was asked for than there was. */
struct reader {
	const uint8_t *at;
	size_t len;
	bool is_short;
};

static unsigned int read_number(struct reader *reader, size_t bytes)
{
	unsigned int number = 0;
	if (reader->is_short || reader->len < bytes) {
		reader->is_short = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++) {
		number = number << 8 | reader->at[i];
	}
	reader->at += bytes;
	reader->len -= bytes;
	return number;
}

static struct reader read_part(struct reader *reader, size_t len)
{
	struct reader part = { reader->at, len, false };
	if (reader->is_short || reader->len < len) {
		reader->is_short = true;
		return (struct reader){ .is_short = true };
	}
	reader->at += len;
	reader->len -= len;
	return part;
}

/* A vector: its length in so many bytes, then itself. */
static struct reader read_vector(struct reader *reader, size_t length_bytes)
{
	const unsigned int len = read_number(reader, length_bytes);
	return read_part(reader, len);
}

/* NULL if it is exactly one name; else what it is. */
static const char *read_server_name(struct reader extension, char ret_name[CUA_HOST_NAME_MAX + 1])
{
	struct reader names = read_vector(&extension, 2);
	const unsigned int type = read_number(&names, 1);
	const struct reader name = read_vector(&names, 2);
	if (extension.is_short || extension.len > 0 || names.is_short || names.len > 0 ||
			type != NAME_TYPE_HOST) {
		return "TLS names no server, or several";
	}
	return cua_host_name_read((const char *)name.at, name.len, ret_name)
			? NULL
			: "TLS names something that is no host name";
}

/* True if one of the type was before. */
static bool note_type(uint8_t seen[65536 / 8], unsigned int type)
{
	const uint8_t bit = (uint8_t)(1U << (type % 8));
	const bool was = seen[type / 8] & bit;
	seen[type / 8] |= bit;
	return was;
}

static const char *read_extensions(struct reader extensions, char ret_name[CUA_HOST_NAME_MAX + 1])
{
	uint8_t seen[65536 / 8] = { 0 };
	const char *why = "TLS names no server";
	while (extensions.len > 0) {
		const unsigned int type = read_number(&extensions, 2);
		const struct reader extension = read_vector(&extensions, 2);
		if (extensions.is_short) {
			return "no valid TLS ClientHello";
		}
		if (note_type(seen, type)) {
			return "a TLS extension comes twice";
		}
		if (type == EXTENSION_ECH || type == EXTENSION_ESNI) {
			return "TLS hides the server's name (ECH)";
		}
		if (type == EXTENSION_SERVER_NAME) {
			why = read_server_name(extension, ret_name);
			if (why) {
				return why;
			}
		}
	}
	return why;
}

static const char *read_hello(struct reader hello, char ret_name[CUA_HOST_NAME_MAX + 1])
{
	const unsigned int version = read_number(&hello, 2);
	read_part(&hello, RANDOM_LEN);
	const struct reader session_id = read_vector(&hello, 1);
	const struct reader cipher_suites = read_vector(&hello, 2);
	const struct reader compressions = read_vector(&hello, 1);
	const struct reader extensions = read_vector(&hello, 2);
	if (hello.is_short || hello.len > 0 || version >> 8 != 3 ||
			session_id.len > SESSION_ID_MAX || cipher_suites.len < 2 ||
			compressions.len < 1) {
		return "no valid TLS ClientHello";
	}
	return read_extensions(extensions, ret_name);
}

/* The first bytes of a record of the handshake that begins with a ClientHello, as far as they are
 * there. */
static bool may_begin(const uint8_t *data, size_t len)
{
	return (len < 1 || data[0] == RECORD_HANDSHAKE) && (len < 2 || data[1] == 3) &&
			(len <= RECORD_HEADER || data[RECORD_HEADER] == HANDSHAKE_CLIENT_HELLO);
}

enum egress_hello egress_client_hello_read(const uint8_t *data, size_t len,
		char ret_name[CUA_HOST_NAME_MAX + 1], const char **ret_reason)
{
	char name[CUA_HOST_NAME_MAX + 1];
	if (!may_begin(data, len)) {
		*ret_reason = "no TLS comes first";
		return EGRESS_HELLO_REFUSED;
	}
	if (len < RECORD_HEADER) {
		return EGRESS_HELLO_MORE;
	}
	const size_t record_len = (size_t)data[3] << 8 | data[4];
	if (record_len < 4 || record_len > EGRESS_HELLO_MAX - RECORD_HEADER) {
		*ret_reason = "no valid TLS ClientHello";
		return EGRESS_HELLO_REFUSED;
	}
	if (len < RECORD_HEADER + record_len) {
		return EGRESS_HELLO_MORE;
	}
	struct reader record = { data + RECORD_HEADER, record_len, false };
	read_number(&record, 1);
	const struct reader hello = read_vector(&record, 3);
	if (record.is_short || record.len > 0) {
		*ret_reason = "the TLS ClientHello does not come as one record";
		return EGRESS_HELLO_REFUSED;
	}
	const char *why = read_hello(hello, name);
	if (why) {
		*ret_reason = why;
		return EGRESS_HELLO_REFUSED;
	}
	memcpy(ret_name, name, sizeof(name));
	return EGRESS_HELLO_NAME;
}
