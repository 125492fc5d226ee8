#include "display/reader/ocr.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tesseract/capi.h>

#include "cua/base/util.h"
#include "display/reader/reader.h"
#include "display/reader/tree.h"

/* Letters on a screen are half as high as what Tesseract was trained on. */
#define SCALE 2
#define SCREEN_DPI 96
#define LANG_SIZE 80

/* Loaded when the first picture comes: linking it would burden every process of the program. */
#define FUNCTIONS(X) \
	X(TessBaseAPICreate) \
	X(TessBaseAPIDelete) \
	X(TessBaseAPIInit3) \
	X(TessBaseAPIGetLoadedLanguagesAsVector) \
	X(TessBaseAPIGetAvailableLanguagesAsVector) \
	X(TessDeleteTextArray) \
	X(TessBaseAPISetPageSegMode) \
	X(TessBaseAPISetImage) \
	X(TessBaseAPISetSourceResolution) \
	X(TessBaseAPISetVariable) \
	X(TessBaseAPIRecognize) \
	X(TessBaseAPIGetIterator) \
	X(TessBaseAPIClear) \
	X(TessMonitorCreate) \
	X(TessMonitorDelete) \
	X(TessMonitorSetDeadlineMSecs) \
	X(TessResultIteratorGetPageIterator) \
	X(TessResultIteratorGetUTF8Text) \
	X(TessResultIteratorConfidence) \
	X(TessResultIteratorNext) \
	X(TessResultIteratorDelete) \
	X(TessPageIteratorBoundingBox) \
	X(TessPageIteratorIsAtBeginningOf) \
	X(TessDeleteText)

struct ocr {
	void *library;
	TessBaseAPI *api;
	char lang[LANG_SIZE]; /* as asked for */
#define MEMBER(name) __typeof__(&name) name;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

static enum cua_status load(struct ocr *ocr, struct cua_error *err)
{
	/* Its threads cost seven times the time that they save. */
	setenv("OMP_THREAD_LIMIT", "1", 1);
	ocr->library = dlopen("libtesseract.so.5", RTLD_NOW | RTLD_LOCAL);
	if (!ocr->library) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"text recognition needs the packages tesseract-ocr and "
				"tesseract-ocr-eng: %.200s",
				dlerror());
	}
#define LOOK_UP(name) \
	*(void **)(&ocr->name) = dlsym(ocr->library, #name); \
	if (!ocr->name) { \
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "this Tesseract has no " #name); \
	}
	FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	return CUA_OK;
}

static bool has_lang(char **langs, const char *name, size_t len)
{
	for (; *langs; langs++) {
		if (strlen(*langs) == len && strncmp(*langs, name, len) == 0) {
			return true;
		}
	}
	return false;
}

/* Tesseract leaves out what it does not find, if there is anything at all. */
static enum cua_status load_langs(struct ocr *ocr, const char *names, struct cua_error *err)
{
	char **loaded = NULL;
	char package[LANG_SIZE];
	enum cua_status status = CUA_OK;
	if (ocr->TessBaseAPIInit3(ocr->api, NULL, names) == 0) {
		loaded = ocr->TessBaseAPIGetLoadedLanguagesAsVector(ocr->api);
	}
	for (const char *name = names; status == CUA_OK && *name;) {
		const size_t len = strcspn(name, "+");
		if (!loaded || !has_lang(loaded, name, len)) {
			snprintf(package, sizeof(package), "%.*s", (int)len, name);
			for (char *at = package; (at = strchr(at, '_'));) {
				*at = '-';
			}
			status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					"text recognition has no data for the language %.*s; the "
					"package tesseract-ocr-%s brings it",
					(int)len, name, package);
		}
		name += len + (name[len] == '+');
	}
	if (loaded) {
		ocr->TessDeleteTextArray(loaded);
	}
	return status;
}

/* English is there already. */
static void add_installed(struct ocr *ocr, char *names, size_t size)
{
	char **installed = ocr->TessBaseAPIGetAvailableLanguagesAsVector(ocr->api);
	int count = 1;
	for (char **name = installed; name && *name && count < OCR_LANGS_MAX; name++) {
		/* osd knows scripts, not words; paths are models for whole scripts. */
		if (strcmp(*name, "eng") != 0 && strcmp(*name, "osd") != 0 && !strchr(*name, '/') &&
				strlen(names) + strlen(*name) + 2 < size) {
			strcat(names, "+");
			strcat(names, *name);
			count++;
		}
	}
	if (installed) {
		ocr->TessDeleteTextArray(installed);
	}
}

static enum cua_status init(struct ocr *ocr, const char *lang, struct cua_error *err)
{
	char names[LANG_SIZE] = "eng";
	snprintf(ocr->lang, sizeof(ocr->lang), "%s", lang);
	ocr->api = ocr->TessBaseAPICreate();
	if (!ocr->api) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "text recognition");
	}
	enum cua_status status = load_langs(ocr, lang[0] ? lang : names, err);
	if (status == CUA_OK && !lang[0]) {
		add_installed(ocr, names, sizeof(names));
		status = strcmp(names, "eng") == 0 ? CUA_OK : load_langs(ocr, names, err);
	}
	return status;
}

const char *ocr_lang(const struct ocr *ocr)
{
	return ocr->lang;
}

enum cua_status ocr_open(const char *lang, struct ocr **ret_ocr, struct cua_error *err)
{
	struct ocr *ocr = calloc(1, sizeof(*ocr));
	if (!ocr) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "text recognition");
	}
	enum cua_status status = load(ocr, err);
	if (status == CUA_OK) {
		status = init(ocr, lang, err);
	}
	if (status != CUA_OK) {
		ocr_close(ocr);
		return status;
	}
	ocr->TessBaseAPISetPageSegMode(ocr->api, PSM_SPARSE_TEXT);
	*ret_ocr = ocr;
	return CUA_OK;
}

void ocr_close(struct ocr *ocr)
{
	if (ocr) {
		if (ocr->api) {
			ocr->TessBaseAPIDelete(ocr->api);
		}
		free(ocr); /* the library stays: it cannot be unloaded safely */
	}
}

/* Each pixel becomes SCALE by SCALE, with straight lines between their middles. */
static uint8_t *enlarge(const uint8_t *pixels, int width, int height)
{
	uint8_t *large = malloc((size_t)width * (size_t)height * SCALE * SCALE);
	for (int y = 0; large && y < height * SCALE; y++) {
		/* Quarters of a source row; middles are at odd quarters. */
		const int y4 = 2 * y + 1 - SCALE;
		const int top = y4 < 0 ? 0 : y4 / 4, bottom = top + 1 < height ? top + 1 : top;
		const int down = y4 < 0 ? 0 : y4 % 4;
		const uint8_t *above = pixels + (size_t)top * (size_t)width;
		const uint8_t *below = pixels + (size_t)bottom * (size_t)width;
		uint8_t *out = large + (size_t)y * (size_t)width * SCALE;
		for (int x = 0; x < width * SCALE; x++) {
			const int x4 = 2 * x + 1 - SCALE;
			const int left = x4 < 0 ? 0 : x4 / 4;
			const int right = left + 1 < width ? left + 1 : left;
			const int along = x4 < 0 ? 0 : x4 % 4;
			const int upper = above[left] * (4 - along) + above[right] * along;
			const int lower = below[left] * (4 - along) + below[right] * along;
			out[x] = (uint8_t)((upper * (4 - down) + lower * down + 8) / 16);
		}
	}
	return large;
}

static void add_words(struct ocr *ocr, TessResultIterator *words, cJSON *list)
{
	TessPageIterator *place = ocr->TessResultIteratorGetPageIterator(words);
	int count = 0, line = 0;
	do {
		int left = 0, top = 0, right = 0, bottom = 0;
		char *text = ocr->TessResultIteratorGetUTF8Text(words, RIL_WORD);
		if (ocr->TessPageIteratorIsAtBeginningOf(place, RIL_TEXTLINE)) {
			line++;
		}
		if (text &&
				ocr->TessPageIteratorBoundingBox(
						place, RIL_WORD, &left, &top, &right, &bottom)) {
			char *clean = tree_clean_text(text, 200);
			cJSON *word = cJSON_CreateObject();
			cJSON_AddStringToObject(word, "text", clean);
			cJSON_AddNumberToObject(word, "x", left / SCALE);
			cJSON_AddNumberToObject(word, "y", top / SCALE);
			cJSON_AddNumberToObject(word, "width", (right - left) / SCALE);
			cJSON_AddNumberToObject(word, "height", (bottom - top) / SCALE);
			cJSON_AddNumberToObject(word, "confidence",
					(int)ocr->TessResultIteratorConfidence(words, RIL_WORD));
			cJSON_AddNumberToObject(word, "line", line);
			cJSON_AddItemToArray(list, word);
			g_free(clean);
		}
		if (text) {
			ocr->TessDeleteText(text);
		}
	} while (++count < READER_WORDS_MAX && ocr->TessResultIteratorNext(words, RIL_WORD));
}

enum cua_status ocr_read(struct ocr *ocr, const uint8_t *pixels, int width_px, int height_px,
		int deadline_ms, cJSON *answer, struct cua_error *err)
{
	CUA_AUTO_FREE uint8_t *large = enlarge(pixels, width_px, height_px);
	ETEXT_DESC *monitor = ocr->TessMonitorCreate();
	if (!large || !monitor) {
		free(monitor);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "text recognition");
	}
	ocr->TessMonitorSetDeadlineMSecs(monitor, deadline_ms);
	ocr->TessBaseAPISetImage(
			ocr->api, large, width_px * SCALE, height_px * SCALE, 1, width_px * SCALE);
	ocr->TessBaseAPISetSourceResolution(ocr->api, SCREEN_DPI * SCALE);
	const bool failed = ocr->TessBaseAPIRecognize(ocr->api, monitor) != 0;
	TessResultIterator *words = failed ? NULL : ocr->TessBaseAPIGetIterator(ocr->api);
	cJSON *list = cJSON_AddArrayToObject(answer, "words");
	if (words) {
		add_words(ocr, words, list);
		ocr->TessResultIteratorDelete(words);
	}
	ocr->TessBaseAPIClear(ocr->api);
	ocr->TessMonitorDelete(monitor);
	return failed ? CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "text recognition took longer than %d ms",
					deadline_ms)
		      : CUA_OK;
}
