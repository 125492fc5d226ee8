#ifndef CUA_AGENT_VIEW_H
#define CUA_AGENT_VIEW_H

#include "agent/model/model_spec.h"
#include "cua/contract/action.h"

/* The size in pixels at which a model gets screenshots of a screen: the largest that its API passes
 * on unscaled, in the screen's proportions. What an API scales itself it scales badly, and some
 * then count coordinates in a size that they do not tell. */
struct cua_point agent_view_size(const struct agent_image_limits *limits, struct cua_point screen);

#endif
