#ifndef CUA_BENCH_VNC_SERVERS_H
#define CUA_BENCH_VNC_SERVERS_H

/* Those who show a screen by RFB, side by side: a desktop of ours through `cua serve` and by its
 * own socket, x11vnc on the same desktop, and Xtigervnc, which is an X server itself. */

#include "cua/bench/bench_child.h"
#include "cua/bench/bench_client.h"
#include "cua/bench/bench_rfb.h"
#include "cua/bench/bench_x11vnc.h"
#include "cua/view/upstream.h"

/* What is on a screen, started by its own means. */
struct vnc_stage {
	struct bench_client *client;
	int session_fd;  /* of the terminal on the desktop; -1: none */
	bool has_letter; /* typed, and not taken away again */
	pid_t terminal;  /* of Xtigervnc, where nobody else starts programs; 0: none */
};

struct vnc_servers {
	struct bench *bench;
	int width_px, height_px;
	struct bench_desktop *desktop;
	struct vnc_stage desktop_stage, tiger_stage;
	/* cua serve */
	struct bench_child serve;
	bool serves;
	struct view_server address;
	/* Xtigervnc */
	pid_t tiger; /* 0: not there */
	char display[16], tiger_path[96];
	/* connected now */
	struct upstream upstream;
	struct bench_x11vnc *x11vnc;
	struct bench_rfb *viewer; /* x11vnc's, or owned */
};

struct vnc_server {
	const char *by;
	bool may_fail;
	/* The viewer is in servers->viewer then. CUA_ERR_NOT_FOUND if it is not installed. */
	enum cua_status (*connect)(struct vnc_servers *servers, struct cua_error *err);
	struct vnc_stage *(*stage)(struct vnc_servers *servers);
	/* Of all processes that show the screen, while connected. */
	void (*usage)(struct vnc_servers *servers, double *ret_cpu_ms, double *ret_wakeups);
};

#define VNC_SERVERS 4
extern const struct vnc_server vnc_server_list[VNC_SERVERS];

CUA_NODISCARD enum cua_status vnc_servers_start(struct bench *bench, int width_px, int height_px,
		struct vnc_servers *ret_servers, struct cua_error *err);
void vnc_servers_stop(struct vnc_servers *servers);
void vnc_servers_disconnect(struct vnc_servers *servers);

/* A file of that name in the folder of the programs on both. */
CUA_NODISCARD enum cua_status vnc_servers_put(struct vnc_servers *servers, const char *leaf,
		const void *data, size_t len, struct cua_error *err);
/* A terminal over the whole screen with this command of sh in it, which finds the files where it
 * is. */
CUA_NODISCARD enum cua_status vnc_servers_show(struct vnc_servers *servers,
		const struct vnc_server *server, const char *command, struct cua_error *err);

/* Ends the terminals. */
void vnc_servers_hide(struct vnc_servers *servers);

#endif
