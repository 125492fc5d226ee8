#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/gemini_internal.h"

static const struct gemini_model models[] = {
	{ "standin", false, true, true },
	{ "gemini-3.8-flash", false, true, true },
	{ "gemini-3.7-flash", false, true, false },
	{ "gemini-3.6-flash", false, true, false },
	{ "gemini-3.5-flash", false, true, false },
	{ "gemini-3.1-pro-preview", true, true, false },
	{ "gemini-3-flash-preview", true, true, false },
	{ "gemini-2.5-computer-use-preview-10-2025", true, false, false },
};

static const struct check_member request_members[] = {
	{ "contents", CHECK_LIST, true, NULL },
	{ "systemInstruction", CHECK_OBJECT, false, NULL },
	{ "tools", CHECK_LIST, false, NULL },
	{ "toolConfig", CHECK_OBJECT, false, NULL },
	{ "generationConfig", CHECK_OBJECT, false, NULL },
	{ "safetySettings", CHECK_LIST, false, NULL },
	{ "cachedContent", CHECK_TEXT, false, NULL },
	{ "labels", CHECK_OBJECT, false, NULL },
	{ "serviceTier", CHECK_TEXT, false, NULL },
	{ "store", CHECK_BOOL, false, NULL },
	{ 0 },
};

static const struct check_member generation_members[] = {
	{ "temperature", CHECK_NUMBER, false, NULL },
	{ "topP", CHECK_NUMBER, false, NULL },
	{ "topK", CHECK_NUMBER, false, NULL },
	{ "candidateCount", CHECK_NUMBER, false, NULL },
	{ "maxOutputTokens", CHECK_NUMBER, false, NULL },
	{ "stopSequences", CHECK_LIST, false, NULL },
	{ "presencePenalty", CHECK_NUMBER, false, NULL },
	{ "frequencyPenalty", CHECK_NUMBER, false, NULL },
	{ "seed", CHECK_NUMBER, false, NULL },
	{ "responseMimeType", CHECK_TEXT, false, NULL },
	{ "responseSchema", CHECK_OBJECT, false, NULL },
	{ "responseJsonSchema", CHECK_OBJECT, false, NULL },
	{ "responseModalities", CHECK_LIST, false, NULL },
	{ "mediaResolution", CHECK_TEXT, false,
			(const char *const[]){ "MEDIA_RESOLUTION_UNSPECIFIED",
					"MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM",
					"MEDIA_RESOLUTION_HIGH", NULL } },
	{ "thinkingConfig", CHECK_OBJECT, false, NULL },
	{ 0 },
};

static const struct check_member thinking_members[] = {
	{ "includeThoughts", CHECK_BOOL, false, NULL },
	{ "thinkingBudget", CHECK_NUMBER, false, NULL },
	{ "thinkingLevel", CHECK_TEXT, false,
			(const char *const[]){ "THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW",
					"MEDIUM", "HIGH", NULL } },
	{ 0 },
};

/* The model of a path, NULL if it has none. The vendor's own SDK says v1 since its version 3. */
static const char *model_of(const char *path)
{
	static const char *const prefixes[] = { "/v1beta/models/", "/v1/models/" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(prefixes); i++) {
		size_t len = strlen(prefixes[i]);
		if (strncmp(path, prefixes[i], len) == 0) {
			return path + len;
		}
	}
	return NULL;
}

/* MODEL:generateContent, and MODEL:streamGenerateContent with alt=sse or without. */
bool gemini_takes(struct wire_request *request, const char *path)
{
	const char *model = model_of(path);
	const char *colon = model ? strchr(model, ':') : NULL;
	if (!colon) {
		return false;
	}
	bool streams = strcmp(colon, ":streamGenerateContent") == 0;
	bool sse = strstr(request->http->query, "alt=sse") != NULL;
	snprintf(request->model, sizeof(request->model), "%.*s", (int)(colon - model), model);
	request->stream = streams && sse;
	request->as_list = streams && !sse;
	return streams || strcmp(colon, ":generateContent") == 0;
}

static bool find_model(struct wire_request *request)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(models); i++) {
		if (strncmp(request->model, models[i].prefix, strlen(models[i].prefix)) == 0) {
			request->profile = &models[i];
			return true;
		}
	}
	return wire_refuse(request, 404, NULL, "",
			"models/%s is not found for API version v1beta, or is not supported for "
			"generateContent. Call ListModels to see the list of available models and "
			"their supported methods.",
			request->model);
}

static bool check_generation(struct wire_request *request)
{
	const struct gemini_model *model = request->profile;
	const cJSON *generation = check_get(request->root, "generationConfig");
	const cJSON *thinking = check_get(generation, "thinkingConfig");
	const char *level = check_text(thinking, "thinkingLevel");
	if ((generation &&
			    !check_members(request, "generation_config", generation,
					    generation_members)) ||
			(thinking &&
					!check_members(request, "generation_config.thinking_config",
							thinking, thinking_members))) {
		return false;
	}
	if (level && check_get(thinking, "thinkingBudget")) {
		return wire_refuse(request, 400, NULL, "",
				"You can only set only one of thinking budget and thinking level.");
	}
	return !check_is(level, "MINIMAL") || !model->no_minimal ||
			wire_refuse(request, 400, NULL, "",
					"Thinking level MINIMAL is not supported for this model. "
					"Please "
					"retry with other thinking level.");
}

static bool check_key(struct wire_request *request)
{
	const char *key = request->http->headers[WIRE_X_GOOG_API_KEY];
	if (!key) {
		return wire_refuse(request, 403, NULL, "",
				"Method doesn't allow unregistered callers (callers without "
				"established identity). Please use API Key or other form of API "
				"consumer identity to call this API.");
	}
	return wire_accepts(request, key) ||
			wire_refuse(request, 400, "API_KEY_INVALID", "",
					"API key not valid. Please pass a valid API key.");
}

bool gemini_read(struct wire_request *request)
{
	const cJSON *root = request->root;
	if (!check_key(request)) {
		return false;
	}
	if (!cJSON_IsObject(root)) {
		return wire_refuse(request, 400, NULL, "",
				"Invalid JSON payload received. Unexpected token.");
	}
	if (!find_model(request) || !check_members(request, "", root, request_members) ||
			!gemini_check_tools(request) || !check_generation(request)) {
		return false;
	}
	const struct gemini_model *model = request->profile;
	request->input.split = ACT_SPLIT_BENT_DRAGS | ACT_SPLIT_KEYS;
	request->input.cannot = model->legacy ? gemini_cannot_legacy : gemini_cannot;
	wire_offers(request, gemini_offers);
	return gemini_read_contents(request, check_get(root, "contents"));
}
