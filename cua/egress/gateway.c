#include "cua/egress/gateway.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include <libslirp.h>

#include "cua/base/util.h"
#include "cua/egress/confine.h"
#include "cua/egress/frame.h"
#include "cua/egress/gateway_log.h"
#include "cua/egress/udp_peers.h"

#define FRAME_MAX (EGRESS_MTU + 18) /* bytes */
#define FRAMES_PER_TURN 64          /* so that answers are not kept waiting */

/* What is waited for beside the connections. */
enum { AT_TAP, AT_LIFE, OWN_FDS };

struct gateway {
	const struct egress_gateway_options *options;
	Slirp *slirp;
	struct pollfd fds[OWN_FDS + EGRESS_DESCRIPTORS_MAX];
	int fd_count;
	struct egress_checked checked;
	struct egress_udp_peers peers;
	struct egress_gateway_log log;
	uint8_t frame[FRAME_MAX];
};

/* --- what libslirp asks for --- */

static ssize_t send_packet(const void *frame, size_t len, void *data)
{
	const struct gateway *gateway = data;
	if (!egress_udp_peers_let_in(&gateway->peers, frame, len, cua_now_us())) {
		return (ssize_t)len; /* nobody asked for it */
	}
	/* One for which there is no room is lost, as on any network. */
	return write(gateway->options->tap_fd, frame, len);
}

static void guest_error(const char *message, void *data)
{
	(void)message; /* the sandbox may send what it likes */
	(void)data;
}

static int64_t clock_get_ns(void *data)
{
	(void)data;
	return (int64_t)cua_now_us() * 1000;
}

/* All that it has is asked for before each wait. */
static void on_poll_fd(int fd, void *data)
{
	(void)fd;
	(void)data;
}

static void on_notify(void *data)
{
	(void)data;
}

static const struct {
	int slirp, poll;
} events[] = { { SLIRP_POLL_IN, POLLIN }, { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP } };

/* -1: no room, which its descriptors would run out of first. */
static int add_poll(int fd, int wanted, void *data)
{
	struct gateway *gateway = data;
	if (gateway->fd_count == (int)CUA_ARRAY_LEN(gateway->fds)) {
		return -1;
	}
	struct pollfd *to = &gateway->fds[gateway->fd_count];
	*to = (struct pollfd){ .fd = fd };
	for (size_t i = 0; i < CUA_ARRAY_LEN(events); i++) {
		to->events = (short)(to->events | (wanted & events[i].slirp ? events[i].poll : 0));
	}
	return gateway->fd_count++;
}

static int get_revents(int at, void *data)
{
	const struct gateway *gateway = data;
	int all = 0;
	for (size_t i = 0; at >= 0 && i < CUA_ARRAY_LEN(events); i++) {
		all |= gateway->fds[at].revents & events[i].poll ? events[i].slirp : 0;
	}
	return all;
}

/* Timers are those of IPv6's router advertisements, which are not sent. */
static const SlirpCb callbacks = { .send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.register_poll_fd = on_poll_fd,
	.unregister_poll_fd = on_poll_fd,
	.notify = on_notify };

static Slirp *make_slirp(struct gateway *gateway)
{
	const SlirpConfig config = { .version = SLIRP_CONFIG_VERSION_MAX,
		.in_enabled = true,
		.vnetwork = { htonl(EGRESS_NETWORK) },
		.vnetmask = { htonl(EGRESS_NETMASK) },
		.vhost = { htonl(EGRESS_GATEWAY) },
		.vnameserver = { htonl(EGRESS_NAME_SERVER) },
		.if_mtu = EGRESS_MTU,
		.if_mru = EGRESS_MTU,
		.disable_host_loopback = true,
		.disable_dhcp = true };
	return slirp_new(&config, &callbacks, gateway);
}

/* --- the loop --- */

static enum cua_status take(struct gateway *gateway, size_t len, struct cua_error *err)
{
	struct egress_destination destination;
	uint8_t answer[EGRESS_REFUSAL_LEN];
	const uint64_t now_us = cua_now_us();
	const enum egress_verdict verdict = egress_frame_check(
			&gateway->checked, gateway->frame, len, now_us, &destination);
	if (verdict == EGRESS_DROP) {
		return CUA_OK;
	}
	enum cua_status status = CUA_OK;
	/* Neither ARP nor each name that is asked for. */
	if (destination.why ||
			(destination.address.s_addr != 0 &&
					destination.address.s_addr != htonl(EGRESS_NAME_SERVER))) {
		status = egress_gateway_log(&gateway->log, &destination, now_us, err);
	}
	if (status == CUA_OK && verdict == EGRESS_PASS) {
		egress_udp_peers_note(&gateway->peers, gateway->frame, len, now_us);
		slirp_input(gateway->slirp, gateway->frame, (int)len);
	} else if (status == CUA_OK) {
		const size_t answer_len = egress_frame_refusal(gateway->frame, len, answer);
		if (answer_len > 0) {
			(void)send_packet(answer, answer_len, gateway);
		}
	}
	return status;
}

static enum cua_status take_frames(struct gateway *gateway, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (int i = 0; status == CUA_OK && i < FRAMES_PER_TURN; i++) {
		const ssize_t len = read(
				gateway->options->tap_fd, gateway->frame, sizeof(gateway->frame));
		if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
			return CUA_OK;
		}
		if (len <= 0) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "the sandbox's network interface");
		}
		status = take(gateway, (size_t)len, err);
	}
	return status;
}

/* By poll(2), without libuv: libslirp says anew before each wait what it waits for. */
static enum cua_status turn(struct gateway *gateway, struct cua_error *err)
{
	uint32_t timeout_ms = UINT32_MAX;
	gateway->fds[AT_TAP] = (struct pollfd){ gateway->options->tap_fd, POLLIN, 0 };
	gateway->fds[AT_LIFE] = (struct pollfd){ gateway->options->life_fd, POLLIN, 0 };
	gateway->fd_count = OWN_FDS;
	slirp_pollfds_fill(gateway->slirp, &timeout_ms, add_poll, gateway);
	const int ready = poll(gateway->fds, (nfds_t)gateway->fd_count,
			timeout_ms > INT32_MAX ? -1 : (int)timeout_ms);
	if (ready < 0 && errno != EINTR) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
	}
	slirp_pollfds_poll(gateway->slirp, ready < 0, get_revents, gateway);
	return ready > 0 && gateway->fds[AT_TAP].revents ? take_frames(gateway, err) : CUA_OK;
}

enum cua_status egress_gateway_run(const struct egress_gateway_options *options,
		void (*on_ready)(void), struct cua_error *err)
{
	CUA_AUTO_FREE struct gateway *gateway = calloc(1, sizeof(*gateway));
	if (!gateway) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "gateway");
	}
	gateway->options = options;
	egress_decisions_init(&gateway->log.lines, options->log_fd, EGRESS_LOG_MAX);
	signal(SIGPIPE, SIG_IGN);
	enum cua_status status = egress_confine(err);
	if (status != CUA_OK) {
		return status;
	}
	gateway->slirp = make_slirp(gateway);
	if (!gateway->slirp) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "libslirp does not start");
	}
	on_ready();
	while (status == CUA_OK && !gateway->fds[AT_LIFE].revents) {
		status = turn(gateway, err);
	}
	egress_decisions_finish(&gateway->log.lines);
	slirp_cleanup(gateway->slirp);
	return status;
}
