/* Which window is meant by a name. */

#include "display/display_internal.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wctype.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

/* How a window fits a name, the best first. */
enum fit {
	FIT_CLASS,        /* class, instance, or the class of the application that is called so */
	FIT_TITLE,        /* the whole title */
	FIT_CLASS_BEGINS, /* the class begins with the name, by whole words */
	FIT_TITLE_WORDS,  /* each word is one of the title's */
	FIT_NAME_BEGINS,  /* the name begins with the class */
	FIT_TITLE_PART,
	FIT_NONE,
};

#define AMBIGUOUS_NAMED_MAX 4

#define WORDS_MAX 512 /* bytes */

/* A text as words of letters and digits in lower case, with a space around each:
 * "LibreOffice-Writer" is " libreoffice writer ". */
struct words {
	char text[WORDS_MAX];
	char joined[WORDS_MAX]; /* the same without spaces */
};

static void append(char *text, uint32_t code)
{
	const size_t len = strlen(text);
	char bytes[CUA_UTF8_MAX + 1];
	cua_utf8_encode(code, bytes);
	snprintf(text + len, WORDS_MAX - len, "%s", bytes);
}

static struct words words_of(const char *text)
{
	struct words words = { .text = " " };
	const char *end = text + strlen(text);
	locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	while (text < end && locale) {
		const uint32_t code = cua_utf8_next(&text, end);
		if (code == CUA_UTF8_INVALID) {
			text++;
		} else if (iswalnum_l(code, locale)) {
			append(words.text, towlower_l(code, locale));
			append(words.joined, towlower_l(code, locale));
		} else if (words.text[strlen(words.text) - 1] != ' ') {
			append(words.text, ' ');
		}
	}
	if (words.text[strlen(words.text) - 1] != ' ') {
		append(words.text, ' ');
	}
	if (locale) {
		freelocale(locale);
	}
	return words;
}

static bool same(const struct words *one, const struct words *two)
{
	return one->joined[0] && strcmp(one->joined, two->joined) == 0;
}

/* "libreoffice-writer" begins with "libreoffice", "Chromium Web Browser" with the class Chromium;
 * "uxterm" has nothing to do with "xterm". */
static bool begins_with(const struct words *longer, const struct words *shorter)
{
	const size_t wanted = strlen(shorter->joined);
	size_t len = 0;
	for (const char *at = longer->text; *at && wanted > 0 && len <= wanted; at++) {
		if (*at != ' ') {
			len++;
		} else if (len == wanted) {
			return strncmp(longer->joined, shorter->joined, wanted) == 0;
		}
	}
	return false;
}

static bool has_all_words(const struct words *title, const struct words *wanted)
{
	const char *at = wanted->text;
	char word[WORDS_MAX];
	for (const char *end; (end = strchr(at + 1, ' ')); at = end) {
		snprintf(word, sizeof(word), "%.*s", (int)(end + 1 - at), at);
		if (!strstr(title->text, word)) {
			return false;
		}
	}
	return wanted->joined[0] != '\0';
}

static enum fit fit_of_class(const char *class, const struct words *wanted)
{
	const struct words words = words_of(class);
	return same(&words, wanted)                   ? FIT_CLASS
			: begins_with(&words, wanted) ? FIT_CLASS_BEGINS
			: begins_with(wanted, &words) ? FIT_NAME_BEGINS
						      : FIT_NONE;
}

static enum fit fit_of_title(const char *title, const struct words *wanted)
{
	const struct words words = words_of(title);
	return same(&words, wanted)                     ? FIT_TITLE
			: has_all_words(&words, wanted) ? FIT_TITLE_WORDS
			: wanted->joined[0] && strstr(words.joined, wanted->joined) ? FIT_TITLE_PART
										    : FIT_NONE;
}

static enum fit fit_of_window(struct display *display, Window window, const struct words *wanted,
		const struct words *wanted_class)
{
	char class[128], instance[128], title[512];
	window_class(display, window, class, sizeof(class));
	window_instance(display, window, instance, sizeof(instance));
	window_title(display, window, title, sizeof(title));
	const struct words words = words_of(class);
	if (same(&words, wanted_class)) {
		return FIT_CLASS;
	}
	const enum fit fits[] = { fit_of_class(class, wanted), fit_of_class(instance, wanted),
		fit_of_title(title, wanted) };
	enum fit best = FIT_NONE;
	for (size_t i = 0; i < CUA_ARRAY_LEN(fits); i++) {
		best = fits[i] < best ? fits[i] : best;
	}
	return best;
}

static bool same_class(struct display *display, const struct window_matches *matches)
{
	char first[128], other[128];
	window_class(display, matches->windows[0], first, sizeof(first));
	for (int i = 1; i < matches->count; i++) {
		window_class(display, matches->windows[i], other, sizeof(other));
		if (strcmp(first, other) != 0) {
			return false;
		}
	}
	return true;
}

static enum cua_status fail_ambiguous(struct display *display, const char *name,
		const struct window_matches *matches, struct cua_error *err)
{
	char list[360] = "";
	for (int i = 0; i < matches->count && i < AMBIGUOUS_NAMED_MAX; i++) {
		char title[512];
		const size_t len = strlen(list);
		window_title(display, matches->windows[i], title, sizeof(title));
		snprintf(list + len, sizeof(list) - len, "%s%lu \"%.40s\"", i == 0 ? "" : ", ",
				matches->windows[i], title);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"\"%.60s\" may be any of %d windows: %s; say more of the title, or use "
			"focus_window",
			name, matches->count, list);
}

enum cua_status window_find(struct display *display, const char *name, const char *class,
		struct window_matches *ret_matches, struct cua_error *err)
{
	Window windows[WINDOWS_MAX];
	const int count = window_list(display, windows);
	struct window_matches matches = { 0 };
	enum fit best = FIT_NONE;
	const struct words wanted = words_of(name), wanted_class = words_of(class);
	for (int i = count - 1; i >= 0; i--) {
		const enum fit fit = fit_of_window(display, windows[i], &wanted, &wanted_class);
		if (fit == FIT_NONE || fit > best) {
			continue;
		}
		matches.count = fit < best ? 0 : matches.count;
		best = fit;
		if (matches.count < WINDOW_MATCHES_MAX) {
			matches.windows[matches.count++] = windows[i];
		}
	}
	/* Several windows of one application are one answer; several documents are not. */
	const bool is_vague = best == FIT_TITLE_WORDS || best == FIT_TITLE_PART;
	if (matches.count > 1 && (is_vague || !same_class(display, &matches))) {
		return fail_ambiguous(display, name, &matches, err);
	}
	*ret_matches = matches;
	return display_ok(display, err);
}
