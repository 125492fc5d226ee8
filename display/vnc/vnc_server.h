#ifndef CUA_DISPLAY_VNC_VNC_SERVER_H
#define CUA_DISPLAY_VNC_VNC_SERVER_H

/* The main thread of the vnc process: vnc_server.c (loop, time, end), vnc_host.c (the link) and
 * vnc_listen.c (sockets viewers connect to). */

#include <uv.h>

#include "display/vnc/vnc.h"
#include "display/vnc/vnc_viewer.h"

enum vnc_listener_pause {
	VNC_NOT_PAUSED,
	VNC_PAUSED_FOR_SLOT, /* all are taken, one is being vacated */
	VNC_PAUSED_FOR_TIME, /* accept() failed for want of something */
};

/* What the tick is for. */
enum vnc_pace {
	VNC_PACE_NONE,  /* all viewers are in and have what they asked for: nothing to look after */
	VNC_PACE_BRISK, /* somebody may have stopped reading, or a listener pauses */
	VNC_PACE_IDLE,  /* nobody watches: it ends soon */
};

struct vnc_listener {
	int fd; /* owned; -1 while closed */
	uv_poll_t poll;
	enum vnc_listener_pause pause;
	bool is_tcp;
	bool has_pass; /* who comes here shows one */
};

struct vnc_server {
	uv_loop_t loop;
	uv_async_t reported;
	uv_timer_t tick;
	enum vnc_pace pace;
	uint64_t viewer_seen_us;   /* when there last was one */
	uv_prepare_t before_sleep; /* sends what the callbacks left for the host */
	uv_signal_t signals[2];
	uv_poll_t link;
	int link_fd;     /* owned */
	bool link_waits; /* for room to write */
	char *packet;    /* owned; room for one from the host */

	struct vnc_rfb *rfb;
	struct vnc_outbox outbox;
	struct vnc_input input;
	struct vnc_relay relay;
	struct vnc_viewer viewers[VNC_VIEWERS_MAX];
	struct vnc_listener unix_listener, pass_listener;
	struct vnc_listener *tcp_listener; /* NULL: none */
	bool is_private;                   /* one person has the desktop to themselves */
	char private_person[VNC_PERSON_SIZE];
	char view_password[VNC_PASSWORD_LEN + 1], control_password[VNC_PASSWORD_LEN + 1];
};

/* Whose viewers see the private frame, after somebody has come or it is another person. */
void vnc_server_show_private(struct vnc_server *server);

/* vnc_host.c */
void vnc_host_on_link(uv_poll_t *poll, int status, int events);
/* Sends what waits for the host; called before the loop sleeps. */
void vnc_host_flush(struct vnc_server *server);

/* vnc_listen.c */
/* fd: listening; owned from here on. is_tcp and has_pass of the listener are set. */
CUA_NODISCARD enum cua_status vnc_listener_open(struct vnc_server *server,
		struct vnc_listener *listener, int fd, struct cua_error *err);
void vnc_listener_close(struct vnc_listener *listener);
/* Replaces the TCP listener by this listening socket, owned from here on; fd -1: by none. */
CUA_NODISCARD enum cua_status vnc_listen_tcp(
		struct vnc_server *server, int fd, struct cua_error *err);
/* True while a listener waits for the tick to go on. */
bool vnc_listeners_wait_for_time(const struct vnc_server *server);
/* Goes on accepting where the reason to pause is over. */
void vnc_listeners_resume(struct vnc_server *server, enum vnc_listener_pause why);

/* vnc_server.c */
void vnc_server_stop(struct vnc_server *server);

#endif
