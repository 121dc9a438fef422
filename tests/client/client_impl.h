/* client_impl.h - between client.c, request.c and receive.c. */
#pragma once

#include "client/client.h"

#define NO_ELEMENT SIZE_MAX

/* Header of the next element of the frame; c->w then stands at its body. payload: bytes it carries or asks for. */
uint64_t client_element(struct client *c, uint16_t command, uint32_t tree,
			size_t payload);
