#include "demos/standin/see.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tesseract/capi.h>

#include "cua/base/util.h"
#include "demos/standin/picture.h"

/* Letters of user interfaces are 7 to 9 pixels high; Tesseract was trained on three times that. */
#define SCALE 2
/* Below this a "word" is an icon or a frame. */
#define CONFIDENCE_MIN 20
/* A word of this confidence is not thrown out by what the other pass saw in its place. */
#define CONFIDENCE_KEEP 60

/* Two passes over each screen: as it is, and flattened. Each finds words that the other misses. */
enum { PASSES = 2 };

struct see_reader {
	TessBaseAPI *passes[PASSES];
};

/* One pass, which runs on a thread of its own. */
struct pass {
	TessBaseAPI *tesseract; /* borrowed */
	PIX *grey;              /* borrowed; read only */
	bool flatten;
	struct see_screen screen;
	enum cua_status status;
	struct cua_error err;
};

static TessBaseAPI *open_tesseract(void)
{
	TessBaseAPI *tesseract = TessBaseAPICreate();
	if (tesseract && TessBaseAPIInit3(tesseract, NULL, "eng") == 0) {
		TessBaseAPISetPageSegMode(tesseract, PSM_SPARSE_TEXT);
		/* It tells its findings on standard error otherwise. */
		TessBaseAPISetVariable(tesseract, "debug_file", "/dev/null");
		return tesseract;
	}
	if (tesseract) {
		TessBaseAPIDelete(tesseract);
	}
	return NULL;
}

enum cua_status see_reader_create(struct see_reader **ret_reader, struct cua_error *err)
{
	struct see_reader *reader = calloc(1, sizeof(*reader));
	if (!reader) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reader");
	}
	for (int i = 0; i < PASSES; i++) {
		reader->passes[i] = open_tesseract();
		if (!reader->passes[i]) {
			see_reader_destroy(reader);
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					"Tesseract cannot load its English model; install "
					"tesseract-ocr-eng");
		}
	}
	*ret_reader = reader;
	return CUA_OK;
}

void see_reader_destroy(struct see_reader *reader)
{
	if (!reader) {
		return;
	}
	for (int i = 0; i < PASSES; i++) {
		if (reader->passes[i]) {
			TessBaseAPIEnd(reader->passes[i]);
			TessBaseAPIDelete(reader->passes[i]);
		}
	}
	free(reader);
}

/* Takes the word the iterator stands on, unless it is noise. */
static enum cua_status take_word(
		TessResultIterator *iterator, struct see_screen *screen, struct cua_error *err)
{
	char *text = TessResultIteratorGetUTF8Text(iterator, RIL_WORD);
	int confidence = (int)TessResultIteratorConfidence(iterator, RIL_WORD);
	struct see_box box;
	if (!text || confidence < CONFIDENCE_MIN || !*text ||
			!TessPageIteratorBoundingBox(TessResultIteratorGetPageIterator(iterator),
					RIL_WORD, &box.left, &box.top, &box.right, &box.bottom)) {
		TessDeleteText(text);
		return CUA_OK;
	}
	char *copy = strdup(text);
	TessDeleteText(text);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "words");
	}
	screen->words[screen->word_count++] = (struct see_word){
		.text = copy,
		.box = { box.left / SCALE, box.top / SCALE, (box.right + SCALE - 1) / SCALE,
				(box.bottom + SCALE - 1) / SCALE },
		.confidence = confidence,
	};
	return CUA_OK;
}

static enum cua_status take_words(
		TessBaseAPI *tesseract, struct see_screen *screen, struct cua_error *err)
{
	screen->words = calloc(SEE_WORDS_MAX, sizeof(*screen->words));
	if (!screen->words) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "words");
	}
	TessResultIterator *iterator = TessBaseAPIGetIterator(tesseract);
	if (!iterator) {
		return CUA_OK; /* nothing to read: a blank screen */
	}
	enum cua_status status = CUA_OK;
	do {
		status = take_word(iterator, screen, err);
	} while (status == CUA_OK && screen->word_count < SEE_WORDS_MAX &&
			TessResultIteratorNext(iterator, RIL_WORD));
	TessResultIteratorDelete(iterator);
	return status;
}

static void *run_pass(void *argument)
{
	struct pass *pass = argument;
	PIX *flat = pass->flatten ? picture_flatten(pass->grey) : pixClone(pass->grey);
	PIX *large = flat ? pixScale(flat, SCALE, SCALE) : NULL;
	if (!large) {
		pass->status = CUA_FAIL(&pass->err, CUA_ERR_NOMEM, ENOMEM, "picture");
	} else {
		TessBaseAPISetImage2(pass->tesseract, large);
		TessBaseAPISetSourceResolution(pass->tesseract, 96 * SCALE);
		pass->status = TessBaseAPIRecognize(pass->tesseract, NULL) == 0
				? take_words(pass->tesseract, &pass->screen, &pass->err)
				: CUA_FAIL(&pass->err, CUA_ERR_APP, 0, "Tesseract failed");
		TessBaseAPIClear(pass->tesseract);
	}
	pixDestroy(&large);
	pixDestroy(&flat);
	return NULL;
}

/* --- putting the passes together --- */

static int area(const struct see_box *box)
{
	return (box->right - box->left) * (box->bottom - box->top);
}

/* Whether two boxes claim the same place: a third of the smaller one is common. */
static bool overlap(const struct see_box *a, const struct see_box *b)
{
	struct see_box common = { a->left > b->left ? a->left : b->left,
		a->top > b->top ? a->top : b->top, a->right < b->right ? a->right : b->right,
		a->bottom < b->bottom ? a->bottom : b->bottom };
	if (common.right <= common.left || common.bottom <= common.top) {
		return false;
	}
	int least = area(a) < area(b) ? area(a) : area(b);
	return area(&common) * 3 > least;
}

/* Confidence, but none for what only an icon or a frame looks like: signs, or letters in a box much
 * too wide for them. */
static int credibility(const struct see_word *word)
{
	bool has_letter = false;
	int len = 0;
	for (const char *at = word->text; *at; at++) {
		bool begins = ((unsigned char)*at & 0xc0U) != 0x80U;
		len += begins;
		has_letter = has_letter || isalnum((unsigned char)*at) ||
				(unsigned char)*at >= 0xc3;
	}
	int width = word->box.right - word->box.left;
	int height = word->box.bottom - word->box.top;
	return has_letter && width * 2 <= height * 3 * len ? word->confidence : 0;
}

static void drop_word(struct see_screen *screen, int index)
{
	free(screen->words[index].text);
	screen->words[index] = screen->words[--screen->word_count];
}

/* Moves a word of the other pass into screen if it is read better than what is in its place. */
static void merge_word(struct see_screen *screen, struct see_word *word)
{
	for (int i = 0; i < screen->word_count; i++) {
		int there = credibility(&screen->words[i]);
		if (overlap(&screen->words[i].box, &word->box) &&
				(there >= CONFIDENCE_KEEP || there >= credibility(word))) {
			return;
		}
	}
	for (int i = screen->word_count - 1; i >= 0; i--) {
		if (overlap(&screen->words[i].box, &word->box)) {
			drop_word(screen, i);
		}
	}
	if (screen->word_count < SEE_WORDS_MAX) {
		screen->words[screen->word_count++] = *word;
		word->text = NULL;
	}
}

/* Reading order, so that a person can follow what was read. */
static int compare_words(const void *left, const void *right)
{
	const struct see_box *a = &((const struct see_word *)left)->box;
	const struct see_box *b = &((const struct see_word *)right)->box;
	int rows = a->bottom / 12 - b->bottom / 12;
	return rows ? rows : a->left - b->left;
}

static enum cua_status run_passes(struct pass *passes, struct cua_error *err)
{
	/* The second pass on a thread; without one, after the first. */
	pthread_t thread;
	bool threaded = pthread_create(&thread, NULL, run_pass, &passes[1]) == 0;
	run_pass(&passes[0]);
	if (threaded) {
		pthread_join(thread, NULL);
	} else {
		run_pass(&passes[1]);
	}
	for (int i = 0; i < PASSES; i++) {
		if (passes[i].status != CUA_OK) {
			*err = passes[i].err;
			return passes[i].status;
		}
	}
	return CUA_OK;
}

enum cua_status see_read_png(struct see_reader *reader, const void *png, size_t png_len,
		struct see_screen *ret_screen, struct cua_error *err)
{
	struct cua_error local;
	err = err ? err : &local;
	PIX *grey = NULL;
	enum cua_status status = picture_decode(png, png_len, &grey, err);
	if (status != CUA_OK) {
		return status;
	}
	struct pass passes[PASSES] = { { .tesseract = reader->passes[0], .grey = grey },
		{ .tesseract = reader->passes[1], .grey = grey, .flatten = true } };
	status = run_passes(passes, err);
	if (status == CUA_OK) {
		for (int i = 0; i < passes[1].screen.word_count; i++) {
			merge_word(&passes[0].screen, &passes[1].screen.words[i]);
		}
		*ret_screen = passes[0].screen;
		memset(&passes[0].screen, 0, sizeof(passes[0].screen));
		ret_screen->width_px = pixGetWidth(grey);
		ret_screen->height_px = pixGetHeight(grey);
		qsort(ret_screen->words, (size_t)ret_screen->word_count, sizeof(*ret_screen->words),
				compare_words);
	}
	see_screen_finish(&passes[0].screen);
	see_screen_finish(&passes[1].screen);
	pixDestroy(&grey);
	return status;
}

void see_screen_finish(struct see_screen *screen)
{
	for (int i = 0; i < screen->word_count; i++) {
		free(screen->words[i].text);
	}
	free(screen->words);
	memset(screen, 0, sizeof(*screen));
}

void see_screen_tell(const struct see_screen *screen, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (int i = 0; i < screen->word_count; i++) {
		const char *text = screen->words[i].text;
		size_t need = strlen(text) + 1;
		if (len + need + sizeof("...") > size) {
			memcpy(out + len, "...", sizeof("..."));
			return;
		}
		memcpy(out + len, text, need - 1);
		len += need;
		out[len - 1] = ' ';
		out[len] = '\0';
	}
	if (!len) {
		snprintf(out, size, "(nothing readable)");
	} else {
		out[len - 1] = '\0';
	}
}
