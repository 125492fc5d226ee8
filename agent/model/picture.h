#ifndef CUA_AGENT_MODEL_PICTURE_H
#define CUA_AGENT_MODEL_PICTURE_H

#include <stdbool.h>

#include "agent/model/model.h"

/* A picture that is PNG, JPEG or WebP by how it begins, whatever it was said to be; false for any
 * other, for one without a size, and when memory runs out. Release with agent_image_finish(). */
bool agent_picture_read(const char *base64, struct agent_image *ret_image);

/* Can every model API take it, however many a request has? It is decoded whole, in a process of its
 * own: services refuse a damaged one, and with it each request that has it in its history. why: for
 * the model, if not. */
bool agent_picture_fits(const struct agent_image *picture, char *why, size_t size);

#endif
