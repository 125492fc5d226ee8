#ifndef CUA_DISPLAY_READING_H
#define CUA_DISPLAY_READING_H

/* What is on the screen, in words: elements from the accessibility tree, text from pictures. */

#include "display/display_internal.h"
#include "display/element_list.h"
#include "display/window_stack.h"

#define READING_MATCHES_MAX 50
#define READING_TIMEOUT_MS 2000
/* With text recognition, which takes seconds for a large screen. */
#define READING_MAX_MS 20000
/* Starting text recognition at all; a shorter deadline is not kept. */
#define READING_LEAST_MS 300
/* Starting the reader and its libraries, beyond what the applications may take. */
#define READING_MARGIN_MS 4000
#define READING_URL_MAX 4096

struct reading_match {
	char text[200];
	unsigned int ref; /* of the element; 0: found by text recognition */
	char role[48];
	struct cua_region box; /* of the text, on the screen */
};

struct reading_matches {
	const char *source; /* "tree" or "ocr"; "none" if nothing was found */
	bool is_withheld;   /* the screen is: nobody looked */
	bool is_unread;     /* the elements do not have it; the picture could not be read in time */
	struct reading_match items[READING_MATCHES_MAX];
	int count;
};

struct reading_options {
	Window window;            /* None: all that show */
	struct cua_region region; /* width 0: the whole screen */
	int max_nodes, max_depth, max_text;
	const char *lang; /* of text recognition; NULL: what is installed */
	bool all;         /* what does not show, too */
	int timeout_ms;   /* for the applications to answer */
	int max_ms;       /* in all, text recognition included */
};

/* What every question about elements has in it; the caller deletes it. */
cJSON *reading_request(struct display *display, const char *verb, const struct window_stack *stack,
		Window window, int timeout_ms);

/**
 * reading_tree() - elements of the windows, each with its reference and whether it is covered.
 * @stack: filled with the windows as they were.
 *
 * An application that does not answer is left out and told of in the list.
 */
CUA_NODISCARD enum cua_status reading_tree(struct display *display,
		const struct reading_options *options, struct window_stack *stack,
		struct element_list *ret_list, struct cua_error *err);

/* The words that a picture of the region shows, from the cache if the pixels are the same. The list
 * is the cache's: valid until the next call. */
CUA_NODISCARD enum cua_status reading_words(struct display *display,
		const struct cua_region *region, const char *lang, int timeout_ms,
		const struct word_list **ret_list, struct cua_error *err);
void reading_cache_finish(struct display *display);

/**
 * reading_find_text() - where a text shows: by the elements, and if they know nothing of it by text
 * recognition. Upper and lower case are the same, and so is any white space.
 * @options: window, region, lang, timeout_ms and max_ms; the rest is not looked at.
 *
 * Return: CUA_OK, also when nothing was found; what ends a wait; CUA_ERR_UNAVAILABLE,
 *         CUA_ERR_TIMEOUT, CUA_ERR_APP or CUA_ERR_CLOSED if neither way could look.
 */
CUA_NODISCARD enum cua_status reading_find_text(struct display *display, const char *text,
		const struct reading_options *options, struct reading_matches *ret_matches,
		struct cua_error *err);

/* The URL of the page in the active window; CUA_ERR_NOT_FOUND if it shows none. */
CUA_NODISCARD enum cua_status reading_document_url(struct display *display, int timeout_ms,
		char url[READING_URL_MAX], struct cua_error *err);

/**
 * reading_locate() - where to click an element: it is asked anew, brought into view, and its window
 * raised if another one is in front.
 * @ref: "e12" or "12".
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND if it is gone or cannot be seen; CUA_ERR_INVAL for no
 * reference.
 */
CUA_NODISCARD enum cua_status reading_locate(struct display *display, const char *ref,
		struct cua_point *ret_point, struct cua_error *err);

/* The same for the ends of a drag, which have to be in view together. Either may be NULL: nothing
 * is set for it. */
CUA_NODISCARD enum cua_status reading_locate_ends(struct display *display, const char *from,
		const char *to, struct cua_point *ret_from, struct cua_point *ret_to,
		struct cua_error *err);

/* Actions. */
CUA_NODISCARD enum cua_status reading_act_screen(struct display *display,
		const struct cua_action *action, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status reading_act_find(struct display *display,
		const struct cua_action *action, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status reading_act_text(struct display *display,
		const struct cua_action *action, cJSON *result, struct cua_error *err);
CUA_NODISCARD enum cua_status reading_act_mark(struct display *display,
		const struct cua_action *action, cJSON *result, struct cua_error *err);

#endif
