#ifndef CUA_RUNS_RUNS_H
#define CUA_RUNS_RUNS_H

/* The parts of `cua runs`. Each takes its own argv (argv[0] is its name) and returns the exit
 * status. */

#include <stdint.h>

#include "agent/secrets/redact.h"
#include "cua/base/error.h"

int runs_list(int argc, char **argv);
int runs_show(int argc, char **argv);
int runs_attach(int argc, char **argv);
int runs_status(int argc, char **argv);
int runs_tell(int argc, char **argv);
int runs_interrupt(int argc, char **argv);
int runs_pause(int argc, char **argv);
int runs_continue(int argc, char **argv);
int runs_cancel(int argc, char **argv);
int runs_answer(int argc, char **argv);
int runs_cost(int argc, char **argv);
int runs_report(int argc, char **argv);
int runs_export(int argc, char **argv);
int runs_replay(int argc, char **argv);
int runs_verify(int argc, char **argv);
int runs_delete(int argc, char **argv);

/* Opens the folder of the run that id names; *ret_path is the caller's. -1 with err filled. */
int runs_open(const char *id, char **ret_path, struct cua_error *err);

/* --- hidden.c --- */

/* With all secrets that are kept now. NULL with err filled: then nothing is shown. */
struct agent_redactor *runs_open_redactor(struct cua_error *err);
void runs_close_redactorp(struct agent_redactor **redactor);
#define RUNS_AUTO_REDACTOR __attribute__((cleanup(runs_close_redactorp)))

/* --- pictures.c --- */

struct runs_picture {
	int width, height;
	uint8_t *rgba; /* owned; rows top to bottom, no padding */
};

CUA_NODISCARD enum cua_status runs_picture_read(
		const char *path, struct runs_picture *ret_picture, struct cua_error *err);
/* The same of a PNG in base64. */
CUA_NODISCARD enum cua_status runs_picture_decode(
		const char *base64, struct runs_picture *ret_picture, struct cua_error *err);
void runs_picture_finish(struct runs_picture *picture);
/* Pixels that differ; -1 if the sizes do. */
int64_t runs_picture_compare(const struct runs_picture *one, const struct runs_picture *other);

/* --- animation.c, for export.c --- */

/* The screenshots of a run one after another, each for frame_ms, as an animated WebP. */
CUA_NODISCARD enum cua_status runs_write_webp(
		const char *run_dir, const char *path, int frame_ms, struct cua_error *err);
/* The same as a video; what the end of path says. CUA_ERR_UNAVAILABLE without ffmpeg. */
CUA_NODISCARD enum cua_status runs_write_video(
		const char *run_dir, const char *path, int frame_ms, struct cua_error *err);

#endif
