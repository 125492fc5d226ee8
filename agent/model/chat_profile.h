#ifndef CUA_AGENT_CHAT_PROFILE_H
#define CUA_AGENT_CHAT_PROFILE_H

/* Open GUI models answer in the grammar they were trained on, with coordinates of their own:
 *   chat_profile.c  the table: prompt, grammar, pictures
 *   chat_space.c    coordinates to pixels of the screenshot
 *   chat_literal.c  literals and calls of Python, which JSON is nearly a part of
 *   chat_qwen.c     <tool_call>{"name": "computer_use", ...}</tool_call>: Qwen-VL, Fara
 *   chat_tars.c     Thought: ... Action: click(point='<point>1 2</point>')
 *   chat_python.c   ```python pyautogui.click(x=1, y=2)```: OpenCUA
 *   chat_holo.c     {"thought": ..., "tool_call": {"tool_name": "click", "x": 1, "y": 2}}: Holo3
 * What cannot be read, or is out of bounds, becomes a problem that the model is told. */

#include "agent/model/model_api.h"
#include "agent/model/model_reading.h"

/* --- coordinates --- */

struct chat_space {
	enum agent_coordinates kind;
	struct cua_point screen; /* pixels of the screenshot as it was sent */
	double width, height;    /* what the numbers go up to */
};

void chat_space_init(struct chat_space *space, const struct agent_model_spec *spec,
		struct cua_point screen);
/* The size that a server of these models fits a picture to; 0 for a bound: none. */
void chat_smart_resize(
		double *width, double *height, double factor, double min_pixels, double max_pixels);
/* What a model is told of them, a sentence. */
void chat_space_describe(const struct chat_space *space, char *text, size_t size);
/* The nearest pixel. CUA_ERR_INVAL for a number that is outside the picture or none. */
CUA_NODISCARD enum cua_status chat_space_point(const struct chat_space *space, double x, double y,
		struct cua_point *ret_point, struct cua_error *err);
/* x, y and path of an action, in place. */
CUA_NODISCARD enum cua_status chat_space_action(
		const struct chat_space *space, cJSON *action, struct cua_error *err);

/* --- literals and calls --- */

#define CHAT_LITERAL_DEPTH_MAX 16
#define CHAT_LITERAL_ITEMS_MAX 2000 /* of a list or a call */

/* One literal of Python or JSON at *at, which is moved behind it. Errors are CUA_ERR_INVAL. */
CUA_NODISCARD enum cua_status chat_literal_parse(
		const char **at, cJSON **ret_value, struct cua_error *err);
/* name(1, key='text'): arguments without a name are called "0", "1", ... */
CUA_NODISCARD enum cua_status chat_call_parse(const char **at, char *name, size_t name_size,
		cJSON **ret_arguments, struct cua_error *err);
void chat_skip_space(const char **at);

/* --- what a model said --- */

struct chat_said {
	enum { CHAT_ACTS, CHAT_FINISHES, CHAT_GIVES_UP } end;
	cJSON *actions;   /* owned; canonical, checked; of CHAT_ACTS */
	char *thought;    /* owned; may be NULL */
	char *last_words; /* owned; of the other ends; may be NULL: the thought is all there is */
	char note[512];   /* what was changed in the actions */
};

void chat_said_finish(struct chat_said *said);

/* What a reader of a grammar has at hand. */
struct chat_reading {
	struct model_reading base;
	const struct chat_space *space;
	struct chat_said *said;
};

/* Of what is said, whose list of actions is there, in coordinates of the space. */
struct chat_reading chat_reading(
		const struct chat_space *space, struct chat_said *said, struct cua_error *err);

/* A word of a grammar: an action, or an end. */
struct chat_word {
	const char *name;
	enum cua_status (*read)(struct chat_reading *reading);
};

/* Reads the arguments at hand as the word of that name has them; words ends with a name that is
 * NULL. CUA_ERR_INVAL if there is none, or an argument is left over. */
CUA_NODISCARD enum cua_status chat_read_word(
		struct chat_reading *reading, const struct chat_word *words, const char *name);

/* --- profiles --- */

struct chat_profile {
	const char *name;   /* as models.json has it */
	const char *prompt; /* the grammar, after what every model is told */
	int pictures;       /* so many of the newest are sent; 0: all */
	/* The text of an answer. CUA_ERR_INVAL with words for the model; CUA_ERR_NOMEM. NULL: the
	 * model calls functions. */
	enum cua_status (*read)(const char *text, const struct chat_space *space,
			struct chat_said *said, struct cua_error *err);
	/* A call that the server took out of the text; may be NULL. */
	enum cua_status (*read_call)(cJSON *arguments, const struct chat_space *space,
			struct chat_said *said, struct cua_error *err);
};

/* NULL for "", which is no profile. CUA_ERR_INVAL for a name that is not in the table. */
CUA_NODISCARD enum cua_status chat_profile_find(
		const char *name, const struct chat_profile **ret_profile, struct cua_error *err);

enum cua_status chat_qwen_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err);
enum cua_status chat_qwen_read_call(cJSON *arguments, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err);
enum cua_status chat_tars_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err);
enum cua_status chat_holo_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err);
enum cua_status chat_python_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err);

#endif
