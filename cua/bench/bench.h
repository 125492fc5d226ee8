#ifndef CUA_BENCH_BENCH_H
#define CUA_BENCH_BENCH_H

/* cua bench: what its topics share. A topic is a file bench_TOPIC.c with one function, listed in
 * bench_topics. It starts desktops, puts screens on them, measures in turn whatever there is to
 * compare, and adds figures; printing is bench_report.c's. Everything runs on one thread, and a
 * wait ends with CUA_ERR_CANCELLED when the person stops the run. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"
#include "cua/base/http_client.h"
#include "cua/contract/action.h"
#include "display/desktop_record.h"

/* --- samples: bench_stats.c --- */

struct bench_samples {
	double *values; /* owned; in the order they came */
	size_t count, capacity;
};

CUA_NODISCARD enum cua_status bench_samples_add(
		struct bench_samples *samples, double value, struct cua_error *err);
void bench_samples_finish(struct bench_samples *samples);
/* The smallest sample that at least the fraction q (0 to 1) of them do not exceed; of an even
 * number the median is the mean of the two in the middle. NAN without samples. */
double bench_quantile(const struct bench_samples *samples, double q);
double bench_median(const struct bench_samples *samples);

/* --- figures: bench_report.c --- */

#define BENCH_WORD_MAX 96

/* What one figure is. Figures that differ in `by` and `unit` alone make a row; those of one unit
 * are compared to the first of them that is added, so add ours first. */
struct bench_key {
	const char *topic;       /* "seeing" */
	const char *name;        /* "whole screen changed" */
	const char *screen;      /* name of a screen, or "" */
	int width_px, height_px; /* 0: of no size */
	const char *by;          /* "cua in process", "scrot" */
	const char *unit;        /* "ms", "bytes", "characters/s", "MB", "%", "" */
	bool more_is_better;
	bool not_compared; /* the row's figures are of different things: no ratio */
};

struct bench_figure {
	char topic[BENCH_WORD_MAX], name[BENCH_WORD_MAX], screen[BENCH_WORD_MAX],
			by[BENCH_WORD_MAX], unit[BENCH_WORD_MAX];
	int width_px, height_px;
	bool more_is_better, not_compared;
	struct bench_samples samples;
	double total;   /* of all samples: tells a topic how much time the figure has used, in ms */
	double load;    /* load average of a minute when the figure was begun */
	char note[256]; /* what a reader must know; "" */
};

#define BENCH_FIGURES_MAX 4096

struct bench_machine {
	char cpu[128], kernel[128], system[128];
	int cores;        /* that we may run on */
	double memory_mb; /* of the machine */
};

struct bench_report {
	struct bench_machine machine;
	struct bench_figure *figures[BENCH_FIGURES_MAX]; /* owned */
	int figure_count;
};

enum bench_format {
	BENCH_FORMAT_TABLE,
	BENCH_FORMAT_JSON, /* one object per figure and line */
	BENCH_FORMAT_MARKDOWN,
};

void bench_machine_read(struct bench_machine *ret_machine);
double bench_load(void);
void bench_report_print(const struct bench_report *report, enum bench_format format);
/* Drops figures that nobody gave a sample or a note, such as the size of a picture that is none. */
void bench_report_tidy(struct bench_report *report);
void bench_report_finish(struct bench_report *report);

/* --- a run: bench.c --- */

#define BENCH_SIZES_MAX 8
#define BENCH_SCREENS_MAX 16
#define BENCH_DESKTOPS_MAX 64

struct bench_desktop;

struct bench {
	/* options */
	int runs;        /* samples wanted of each figure */
	double limit_ms; /* a figure that has used so much time gets no more samples after 3 */
	int parallel;    /* desktops side by side, in topics that can */
	bool quick;      /* as little as shows that everything runs */
	struct cua_point sizes[BENCH_SIZES_MAX];
	int size_count;
	const char *screens[BENCH_SCREENS_MAX]; /* chosen by name; none: all */
	int screen_count;
	const char *scenario_dir; /* files in it go before those compiled in; NULL: none */
	const char *picture_dir;  /* where a picture of each screen is left; NULL: nowhere */
	bool show_progress;
	/* state */
	char dir[64]; /* directory of the run's own */
	int stop_fd;  /* readable once the person wants to stop */
	struct bench_desktop *desktops[BENCH_DESKTOPS_MAX]; /* running, for the clean-up */
	int desktop_count;
	struct bench_report report;
};

struct bench_topic {
	const char *name, *help;
	enum cua_status (*run)(struct bench *bench, struct cua_error *err);
};

extern const struct bench_topic bench_topics[];
extern const int bench_topic_count;

/* Directories of its own, so that no desktop of the user's is touched; signals end the run. */
CUA_NODISCARD enum cua_status bench_begin(struct bench *bench, struct cua_error *err);
/* Stops every desktop and removes the directories; the report stays. */
void bench_end(struct bench *bench);
/* CUA_ERR_CANCELLED once the person wants to stop. */
CUA_NODISCARD enum cua_status bench_check(struct bench *bench, struct cua_error *err);
/* What is being done, on standard error if that is a terminal. */
void bench_progress(struct bench *bench, const char *fmt, ...) CUA_PRINTF(2, 3);

/* A new figure of no samples; the report's. NULL and err when there are too many. */
struct bench_figure *bench_figure_add(
		struct bench *bench, const struct bench_key *key, struct cua_error *err);
/* One that was added; NULL if there is none of this key. */
struct bench_figure *bench_figure_find(struct bench *bench, const struct bench_key *key);
CUA_NODISCARD enum cua_status bench_figure_sample(
		struct bench_figure *figure, double value, struct cua_error *err);
/* True while the figure wants another sample. */
bool bench_figure_wants_more(const struct bench *bench, const struct bench_figure *figure);
void bench_figure_note(struct bench_figure *figure, const char *fmt, ...) CUA_PRINTF(2, 3);

/* --- taking turns: bench_turns.c --- */

struct bench_turn;

/* Does the thing once. *ret_ms is what the whole call took, if it is left alone. */
typedef enum cua_status (*bench_take_fn)(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err);

/* One of those who take turns. */
struct bench_turn {
	const char *by;
	bench_take_fn take;
	void *user_data;
	const void *data; /* what this one needs beside */
	bool may_fail; /* another program: if it is absent or fails, that is noted and it is out */
	/* set by bench_take_turns() */
	bool gone;
	struct bench_figure *figure;
};

/**
 * bench_take_turns() - a row of figures, one for each turn.
 * @key: what the row is; its `by` is each turn's.
 *
 * One sample each, again and again, so that whatever else the machine does meets all alike. The
 * first round does not count: it warms caches.
 */
CUA_NODISCARD enum cua_status bench_take_turns(struct bench *bench, const struct bench_key *key,
		struct bench_turn *turns, int count, struct cua_error *err);

/* 1280x800 if that is among the sizes, else the first: where a figure needs only one. */
struct cua_point bench_usual_size(const struct bench *bench);

/* Milliseconds since cua_now_us() was started_us. */
double bench_ms_since(uint64_t started_us);

/* A scenario file by its name without .json, parsed; the caller's. NULL and err if there is none
 * or it is no JSON. */
cJSON *bench_scenario(const struct bench *bench, const char *name, struct cua_error *err);
/* Members of scenarios; "" and fallback where there is none of that type. */
const char *bench_text(const cJSON *json, const char *name);
double bench_number(const cJSON *json, const char *name, double fallback);
/* False for a part of a scenario that a quick run leaves out: one without "quick": true. */
bool bench_is_wanted(const struct bench *bench, const cJSON *part);

/* --- desktops: bench_desktop.c --- */

struct bench_desktop {
	struct bench *bench;
	struct desktop_record record;
	char socket_path[CUA_PATH_MAX + 16];
	struct cua_http_client *client; /* one kept connection */
	char inside_home[CUA_PATH_MAX]; /* the home as its applications see it */
	uint64_t answered_us; /* when the last answer to bench_post() had come, not yet parsed */
};

/* A sandboxed desktop through the code that `cua desktop start` runs. */
CUA_NODISCARD enum cua_status bench_desktop_start(struct bench *bench, int width_px, int height_px,
		struct bench_desktop **ret_desktop, struct cua_error *err);
void bench_desktop_stop(struct bench_desktop *desktop);

/* One request on the kept connection; ret_response as cua_http_perform() has it. A status other
 * than 2xx and 304 is an error with the desktop's own message. header may be NULL. */
CUA_NODISCARD enum cua_status bench_http(struct bench_desktop *desktop, const char *method,
		const char *path, const char *header, const char *body,
		struct cua_http_response *ret_response, struct cua_error *err);
/* POST /v1/actions with this body; ret_answer is the caller's and may be NULL. */
CUA_NODISCARD enum cua_status bench_post(struct bench_desktop *desktop, const cJSON *body,
		cJSON **ret_answer, struct cua_error *err);
/* Runs a list of actions, "$HOME" in their strings replaced by inside_home, without a screenshot.
 */
CUA_NODISCARD enum cua_status bench_act(
		struct bench_desktop *desktop, const cJSON *actions, struct cua_error *err);
/* The same, from JSON text in printf style; strings in it must need no escapes. */
CUA_NODISCARD enum cua_status bench_actf(struct bench_desktop *desktop, struct cua_error *err,
		const char *fmt, ...) CUA_PRINTF(3, 4);
/* A file in the home of the desktop's applications, and theirs. */
CUA_NODISCARD enum cua_status bench_put_file(struct bench_desktop *desktop, const char *leaf,
		const void *data, size_t len, struct cua_error *err);
/* Until the title of some window contains text; CUA_ERR_TIMEOUT. */
CUA_NODISCARD enum cua_status bench_wait_title(struct bench_desktop *desktop, const char *text,
		int timeout_ms, struct cua_error *err);
/* Sleeps between two looks at a condition; CUA_ERR_CANCELLED. */
CUA_NODISCARD enum cua_status bench_pause(struct bench *bench, int ms, struct cua_error *err);

/* --- screens: bench_screen.c, bench_picture.c --- */

/* Calls each(...) for every chosen screen of scenarios/screens.json; stops at the first failure. */
typedef enum cua_status (*bench_screen_fn)(
		struct bench *bench, const cJSON *screen, void *user_data, struct cua_error *err);
CUA_NODISCARD enum cua_status bench_each_screen(
		struct bench *bench, bench_screen_fn each, void *user_data, struct cua_error *err);
/* Puts the screen on the desktop and waits until it is at rest. */
CUA_NODISCARD enum cua_status bench_screen_show(
		struct bench_desktop *desktop, const cJSON *screen, struct cua_error *err);
/* The same by name, whether or not it is chosen. */
CUA_NODISCARD enum cua_status bench_screen_show_named(
		struct bench_desktop *desktop, const char *name, struct cua_error *err);

/* A picture like a photograph, as JPEG: light, shapes on many scales, the noise of a sensor. The
 * same seed makes the same picture. */
CUA_NODISCARD enum cua_status bench_photo(unsigned int seed, int width_px, int height_px,
		struct cua_buffer *jpeg, struct cua_error *err);
/* Lines of words, the same for the same seed; before and after go around each paragraph. */
CUA_NODISCARD enum cua_status bench_prose(unsigned int seed, int paragraphs, const char *before,
		const char *after, struct cua_buffer *text, struct cua_error *err);

#endif
