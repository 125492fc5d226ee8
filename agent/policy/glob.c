#include "agent/policy/glob.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define TOKENS_MAX 1024
#define LETTERS_WANTED 2

enum kind { LETTER, ANY, SET, STAR };

/* One character of a name, or any number of them. */
struct token {
	enum kind kind;
	char letter;
	const char *set; /* "[...]", in its pattern */
	size_t set_len;
	bool is_first; /* of a name */
	bool is_open;  /* the name that it is in has one that is no letter */
};

struct glob {
	struct token tokens[TOKENS_MAX];
	size_t count;
};

bool agent_glob_is(const char *path)
{
	return strpbrk(path, "*?[") != NULL;
}

/* The length of "[...]"; 0 if it does not end. */
static size_t set_length(const char *at)
{
	const char *from = at + 1;
	from += *from == '!' || *from == '^';
	from += *from == ']';
	const char *end = strchr(from, ']');
	return end ? (size_t)(end - at) + 1 : 0;
}

static void mark_open(struct glob *glob, size_t from)
{
	bool is_open = false;
	for (size_t i = from; i < glob->count; i++) {
		is_open = is_open || glob->tokens[i].kind != LETTER;
	}
	for (size_t i = from; i < glob->count; i++) {
		glob->tokens[i].is_open = is_open;
	}
}

/* False if it is too long. */
static bool read_glob(const char *text, struct glob *glob)
{
	size_t begin = 0;
	glob->count = 0;
	while (*text) {
		if (glob->count == TOKENS_MAX) {
			return false;
		}
		struct token *token = &glob->tokens[glob->count];
		const size_t set_len = *text == '[' ? set_length(text) : 0;
		*token = (struct token){ .kind = set_len ? SET
					: *text == '?'   ? ANY
					: *text == '*'   ? STAR
							 : LETTER,
			.letter = *text,
			.set = text,
			.set_len = set_len,
			.is_first = glob->count == begin };
		glob->count++;
		if (*text == '/') {
			mark_open(glob, begin);
			begin = glob->count;
		}
		text += set_len ? set_len : 1;
	}
	mark_open(glob, begin);
	return true;
}

static bool set_has(const struct token *set, char letter)
{
	char pattern[64], text[2] = { letter, '\0' };
	if (set->set_len >= sizeof(pattern)) {
		return true;
	}
	memcpy(pattern, set->set, set->set_len);
	pattern[set->set_len] = '\0';
	return fnmatch(pattern, text, 0) == 0;
}

/* Could both be the same character? mine is of the path. */
static bool meet(const struct token *mine, const struct token *theirs)
{
	if (mine->kind == LETTER && theirs->kind == LETTER) {
		return mine->letter == theirs->letter;
	}
	if (theirs->kind == LETTER && mine->kind != LETTER) {
		return theirs->letter != '/' && !(mine->is_first && theirs->letter == '.') &&
				(mine->kind != SET || set_has(mine, theirs->letter));
	}
	if (mine->kind == LETTER) {
		return theirs->kind != SET || set_has(theirs, mine->letter);
	}
	return true;
}

/* How much of what the path gives is the pattern's own. */
static int16_t worth(const struct token *mine, const struct token *theirs)
{
	if (!mine->is_open || mine->letter == '/' || theirs->kind != LETTER ||
			(mine->kind != LETTER && mine->kind != SET)) {
		return 0;
	}
	return mine->is_first && mine->letter == '.' ? LETTERS_WANTED : 1;
}

static int16_t better(int16_t one, int16_t other)
{
	return one > other ? one : other;
}

/* The most letters that the rests of both have in common in a name that both match; -1: there is
 * none. below, right, diagonal: the same with a token less of mine, of theirs, of both. */
static int16_t best(const struct token *mine, const struct token *theirs, int16_t below,
		int16_t right, int16_t diagonal)
{
	int16_t most = -1;
	if (mine && mine->kind == STAR) {
		most = better(most, below);
		if (theirs && theirs->kind != STAR && meet(mine, theirs)) {
			most = better(most, right);
		}
	}
	if (theirs && theirs->kind == STAR) {
		most = better(most, right);
		if (mine && mine->kind != STAR) {
			most = better(most, below);
		}
	}
	if (mine && theirs && mine->kind != STAR && theirs->kind != STAR && diagonal >= 0 &&
			meet(mine, theirs)) {
		most = better(most, (int16_t)(diagonal + worth(mine, theirs)));
	}
	return most;
}

bool agent_glob_may_mean(const char *path, const char *pattern)
{
	CUA_AUTO_FREE struct glob *globs = calloc(2, sizeof(*globs));
	CUA_AUTO_FREE int16_t *rows = calloc(2 * (TOKENS_MAX + 1), sizeof(*rows));
	if (!globs || !rows || !read_glob(path, &globs[0]) || !read_glob(pattern, &globs[1])) {
		return true; /* not known */
	}
	const struct glob *mine = &globs[0], *theirs = &globs[1];
	int16_t *now = rows, *below = rows + TOKENS_MAX + 1;
	for (size_t i = mine->count + 1; i-- > 0;) {
		const struct token *one = i < mine->count ? &mine->tokens[i] : NULL;
		for (size_t k = theirs->count + 1; k-- > 0;) {
			const struct token *other = k < theirs->count ? &theirs->tokens[k] : NULL;
			now[k] = !one && !other ? 0
						: best(one, other, one ? below[k] : -1,
								  other ? now[k + 1] : -1,
								  one && other ? below[k + 1] : -1);
		}
		int16_t *last = below;
		below = now;
		now = last;
	}
	return below[0] >= LETTERS_WANTED;
}
