#include "cua/view/handshake.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rfb/rfb.h>
#include <sodium.h>

#include "cua/base/util.h"

#define VERSION_LEN 12
#define CHALLENGE_LEN HANDSHAKE_CHALLENGE_LEN
#define TYPE_NONE 1
#define TYPE_PASSWORD 2
#define STEP_MS 10000
#define PASSWORD_MS 60000 /* a person types it meanwhile */

/* All of it; a blocking socket. */
static enum cua_status get(
		int fd, int stop_fd, void *data, size_t len, int timeout_ms, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000;
	for (size_t got = 0; got < len;) {
		struct pollfd waits[2] = { { .fd = fd, .events = POLLIN },
			{ .fd = stop_fd, .events = POLLIN } };
		const int ready = poll(waits, 2, cua_ms_until(deadline_us));
		if (ready > 0 && waits[1].revents) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped");
		}
		const ssize_t some = ready > 0
				? recv(fd, (char *)data + got, len - got, MSG_DONTWAIT)
				: 0;
		if (ready < 0 || (some < 0 && (errno == EINTR || errno == EAGAIN))) {
			continue;
		}
		if (some <= 0) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0,
					"it hangs up, or says nothing, at the beginning of RFB");
		}
		got += (size_t)some;
	}
	return CUA_OK;
}

static enum cua_status put(int fd, const void *data, size_t len, struct cua_error *err)
{
	return send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_POLICY, 0, "it hangs up at the beginning of RFB");
}

/* 3, 7 or 8; 0: no RFB. */
static int minor_of(const char version[VERSION_LEN])
{
	if (memcmp(version, "RFB 003.00", 10) != 0 || version[11] != '\n') {
		return memcmp(version, "RFB 003.", 8) == 0 ? 3 : 0;
	}
	return version[10] == '7' || version[10] == '8' ? version[10] - '0' : 3;
}

/* --- with the viewer --- */

static bool is_right(uint8_t challenge[CHALLENGE_LEN], const uint8_t answer[CHALLENGE_LEN],
		const char *password)
{
	char copy[9] = "";
	strncpy(copy, password, sizeof(copy) - 1);
	rfbEncryptBytes(challenge, copy);
	sodium_memzero(copy, sizeof(copy));
	return sodium_memcmp(challenge, answer, CHALLENGE_LEN) == 0;
}

/* Of RFB 3.8 with a reason. */
static enum cua_status refuse(int fd, int minor, struct cua_error *err)
{
	static const char refusal[] = "\0\0\0\1\0\0\0\16wrong password";
	const size_t len = minor >= 8 ? sizeof(refusal) - 1 : 4;
	(void)!put(fd, refusal, len, err);
	return CUA_FAIL(err, CUA_ERR_POLICY, 0, "a wrong password");
}

static void step_to(struct handshake *handshake, enum handshake_step step)
{
	const int timeout_ms = step == HANDSHAKE_PASSWORD ? PASSWORD_MS : STEP_MS;
	handshake->step = step;
	handshake->in_len = 0;
	handshake->deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000;
}

enum cua_status handshake_begin(struct handshake *handshake, int fd, struct cua_error *err)
{
	*handshake = (struct handshake){ .fd = fd };
	step_to(handshake, HANDSHAKE_VERSION);
	return put(fd, "RFB 003.008\n", VERSION_LEN, err);
}

static enum cua_status challenge(struct handshake *handshake, struct cua_error *err)
{
	randombytes_buf(handshake->challenge, sizeof(handshake->challenge));
	step_to(handshake, HANDSHAKE_PASSWORD);
	return put(handshake->fd, handshake->challenge, sizeof(handshake->challenge), err);
}

/* Before RFB 3.7 the type is not chosen. */
static enum cua_status take_version(struct handshake *handshake, struct cua_error *err)
{
	static const uint8_t types[] = { 1, TYPE_PASSWORD }, type[] = { 0, 0, 0, TYPE_PASSWORD };
	handshake->minor = minor_of((const char *)handshake->in);
	if (handshake->minor == 0) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "it does not speak RFB");
	}
	if (handshake->minor < 7) {
		enum cua_status status = put(handshake->fd, type, sizeof(type), err);
		return status == CUA_OK ? challenge(handshake, err) : status;
	}
	step_to(handshake, HANDSHAKE_TYPE);
	return put(handshake->fd, types, sizeof(types), err);
}

static enum cua_status take_type(struct handshake *handshake, struct cua_error *err)
{
	return handshake->in[0] == TYPE_PASSWORD
			? challenge(handshake, err)
			: CUA_FAIL(err, CUA_ERR_POLICY, 0,
					  "the viewer wants security type %d, which was not "
					  "offered",
					  handshake->in[0]);
}

static enum cua_status take_password(struct handshake *handshake, const char *password,
		bool *ret_in, bool *ret_wrong, struct cua_error *err)
{
	if (!is_right(handshake->challenge, handshake->in, password)) {
		*ret_wrong = true;
		return refuse(handshake->fd, handshake->minor, err);
	}
	*ret_in = true;
	return put(handshake->fd, "\0\0\0\0", 4, err);
}

/* False if the step's message is not there yet. Never more than it is read: what follows is the
 * server's. */
static bool is_whole(struct handshake *handshake, ssize_t *ret_got)
{
	static const size_t lens[] = { VERSION_LEN, 1, CHALLENGE_LEN };
	const size_t len = lens[handshake->step];
	*ret_got = recv(handshake->fd, handshake->in + handshake->in_len, len - handshake->in_len,
			MSG_DONTWAIT);
	handshake->in_len += *ret_got > 0 ? (size_t)*ret_got : 0;
	return handshake->in_len == len;
}

enum cua_status handshake_advance(struct handshake *handshake, const char *password, bool *ret_in,
		bool *ret_wrong, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	ssize_t got = 0;
	while (status == CUA_OK && !*ret_in && is_whole(handshake, &got)) {
		switch (handshake->step) {
		case HANDSHAKE_VERSION:
			status = take_version(handshake, err);
			break;
		case HANDSHAKE_TYPE:
			status = take_type(handshake, err);
			break;
		case HANDSHAKE_PASSWORD:
			return take_password(handshake, password, ret_in, ret_wrong, err);
		}
	}
	const bool waits = got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
	if (status == CUA_OK && (!waits || cua_ms_until(handshake->deadline_us) == 0)) {
		status = CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"it hangs up, or says nothing, at the beginning of RFB");
	}
	return status;
}

/* --- with the server --- */

enum cua_status handshake_with_server(int fd, int stop_fd, struct cua_error *err)
{
	char version[VERSION_LEN];
	uint8_t count = 0, types[255], result[4];
	enum cua_status status = get(fd, stop_fd, version, sizeof(version), STEP_MS, err);
	if (status == CUA_OK) {
		status = put(fd, "RFB 003.008\n", VERSION_LEN, err);
	}
	if (status == CUA_OK) {
		status = get(fd, stop_fd, &count, 1, STEP_MS, err);
	}
	if (status == CUA_OK) {
		status = get(fd, stop_fd, types, count, STEP_MS, err);
	}
	if (status == CUA_OK && !memchr(types, TYPE_NONE, count)) {
		status = CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop takes no more viewers");
	}
	if (status == CUA_OK) {
		status = put(fd, "\1", 1, err);
	}
	if (status == CUA_OK) {
		status = get(fd, stop_fd, result, sizeof(result), STEP_MS, err);
	}
	return status;
}
