// One player per API: sends what a client of that SDK sends, returns what it understood.
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const png = readFileSync(process.env.CUA_TEST_PICTURE).toString('base64'); // of 1280x800
const url = `data:image/png;base64,${png}`;
const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };

function nothing() {
	return { functions: [], actions: [], words: '', answer: '', tokens: 0 };
}

// The response of the last event; the helper of the SDK adds members to items, which must go back
// as they came.
async function lastResponse(stream) {
	let response;
	for await (const event of stream) {
		response = event.type === 'response.completed' ? event.response : response;
	}
	response.output_text = response.output
		.flatMap((item) => item.content ?? [])
		.map((part) => part.text)
		.join('');
	return response;
}

async function responses(base, stream) {
	const client = new OpenAI({ apiKey: 'k', baseURL: `${base}/v1` });
	const played = nothing();
	const input = [{ role: 'user', content: [{ type: 'input_text', text: 'Write.' }] }];
	for (;;) {
		const request = {
			model: 'standin',
			input,
			store: false,
			include: ['reasoning.encrypted_content'],
			tools: [
				{ type: 'computer' },
				{ type: 'function', name: 'open_app', parameters: schema, strict: true },
			],
		};
		const response = stream
			? await lastResponse(await client.responses.create({ ...request, stream }))
			: await client.responses.create(request);
		played.tokens += response.usage.total_tokens;
		input.push(...response.output);
		const calls = response.output.filter((item) => item.type.endsWith('_call'));
		const said = response.output_text;
		if (calls.length === 0) {
			return { ...played, answer: said };
		}
		played.words += said;
		for (const call of calls) {
			if (call.type === 'function_call') {
				played.functions.push([call.name, JSON.parse(call.arguments)]);
				input.push({
					type: 'function_call_output',
					call_id: call.call_id,
					output: [
						{ type: 'input_text', text: 'ok' },
						{ type: 'input_image', image_url: url, detail: 'original' },
					],
				});
			} else {
				played.actions.push(...call.actions.map((action) => action.type));
				input.push({
					type: 'computer_call_output',
					call_id: call.call_id,
					output: { type: 'computer_screenshot', image_url: url },
				});
			}
		}
	}
}

const anthropicRequest = {
	model: 'claude-opus-5-5',
	max_tokens: 1000,
	tools: [{ type: 'computer_toolset_20260801' }, { name: 'open_app', input_schema: schema }],
};

// send: with the messages that are new; none of them after a pause.
async function playAnthropic(send) {
	const played = nothing();
	const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } };
	let news = [{ role: 'user', content: 'Write.' }];
	for (;;) {
		const message = await send(news);
		played.tokens += message.usage.output_tokens;
		const calls = message.content.filter((block) => block.type === 'tool_use');
		const said = message.content.map((block) => block.text ?? '').join('');
		if (message.stop_reason === 'end_turn') {
			return { ...played, answer: said };
		}
		played.words += said;
		if (message.stop_reason === 'pause_turn') {
			news = [];
			continue;
		}
		assert.equal(message.stop_reason, 'tool_use');
		const results = calls.map((call) => {
			if (call.toolset_name === 'computer') {
				played.actions.push(call.name.replace('left_', ''));
				return {
					type: 'tool_result',
					tool_use_id: call.id,
					toolset_name: 'computer',
					content: 'ok',
				};
			}
			played.functions.push([call.name, call.input]);
			return { type: 'tool_result', tool_use_id: call.id, content: [image] };
		});
		news = [{ role: 'user', content: results }];
	}
}

async function messages(base, stream) {
	const client = new Anthropic({ apiKey: 'k', baseURL: base });
	const talk = [];
	return playAnthropic(async (news) => {
		const request = { ...anthropicRequest, messages: [...talk, ...news] };
		const message = stream
			? await client.messages.stream(request).finalMessage()
			: await client.messages.create(request);
		talk.push(...news, { role: 'assistant', content: message.content });
		return message;
	});
}

// The server keeps the conversation.
async function thread(base, stream) {
	const client = new Anthropic({ apiKey: 'k', baseURL: base });
	const held = client.beta.messages.thread(anthropicRequest);
	return playAnthropic((news) => (stream ? held.stream(news).finalMessage() : held.send(news)));
}

const computer = {
	type: 'object',
	properties: {
		action: { type: 'string', enum: ['click', 'type', 'screenshot', 'wait'] },
		x: { type: 'integer' },
		y: { type: 'integer' },
		text: { type: 'string' },
	},
	required: ['action'],
};

async function chat(base, stream) {
	const client = new OpenAI({ apiKey: 'k', baseURL: `${base}/v1` });
	const played = nothing();
	const talk = [{ role: 'user', content: 'Write.' }];
	for (;;) {
		const request = {
			model: 'standin',
			messages: talk,
			tools: [
				{ type: 'function', function: { name: 'computer', parameters: computer } },
				{ type: 'function', function: { name: 'open_app', parameters: schema } },
			],
		};
		const completion = stream
			? await client.chat.completions
					.stream({ ...request, stream_options: { include_usage: true } })
					.finalChatCompletion()
			: await client.chat.completions.create(request);
		const { message, finish_reason: reason } = completion.choices[0];
		played.tokens += completion.usage.total_tokens;
		talk.push({
			role: 'assistant',
			content: message.content,
			...(message.tool_calls && {
				tool_calls: message.tool_calls.map(({ id, type, function: f }) => ({
					id,
					type,
					function: { name: f.name, arguments: f.arguments },
				})),
			}),
		});
		if (reason === 'stop') {
			return { ...played, answer: message.content };
		}
		assert.equal(reason, 'tool_calls');
		played.words += message.content ?? '';
		for (const call of message.tool_calls) {
			const args = JSON.parse(call.function.arguments);
			if (call.function.name === 'computer') {
				played.actions.push(args.action);
			} else {
				played.functions.push([call.function.name, args]);
			}
			talk.push({ role: 'tool', tool_call_id: call.id, content: 'ok' });
		}
		talk.push({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] });
	}
}

async function gemini(base, stream) {
	const client = new GoogleGenAI({
		apiKey: 'k',
		httpOptions: { baseUrl: base, retryOptions: { attempts: 3, initialDelay: 0.01 } },
	});
	const played = nothing();
	const contents = [{ role: 'user', parts: [{ text: 'Write.' }] }];
	for (;;) {
		const request = {
			model: 'gemini-3.8-flash',
			contents,
			config: {
				tools: [
					{ computerUse: { environment: 'ENVIRONMENT_DESKTOP' } },
					{ functionDeclarations: [{ name: 'open_app', parametersJsonSchema: schema }] },
				],
			},
		};
		const parts = [];
		let tokens = 0;
		const take = (chunk) => {
			tokens = chunk.usageMetadata?.totalTokenCount ?? tokens;
			for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
				const last = parts.at(-1);
				if (part.text !== undefined && last?.text !== undefined) {
					last.text += part.text;
				} else if (part.text !== '') {
					parts.push(part);
				}
			}
		};
		if (stream) {
			for await (const chunk of await client.models.generateContentStream(request)) {
				take(chunk);
			}
		} else {
			take(await client.models.generateContent(request));
		}
		played.tokens += tokens;
		contents.push({ role: 'model', parts });
		const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
		const said = parts.map((part) => part.text ?? '').join('');
		if (calls.length === 0) {
			return { ...played, answer: said };
		}
		played.words += said;
		const answers = calls.map((call) => {
			if (call.name === 'open_app') {
				played.functions.push([call.name, call.args]);
			} else {
				played.actions.push(call.name);
			}
			return {
				functionResponse: {
					id: call.id,
					name: call.name,
					response: { output: 'ok' },
					parts: [{ inlineData: { mimeType: 'image/png', data: png } }],
				},
			};
		});
		contents.push({ role: 'user', parts: answers });
	}
}

export const plays = { responses, messages, thread, chat, gemini };

// The SDKs' own classes of errors come out of the envelopes.
export const refusals = {
	async responses(base) {
		const client = new OpenAI({ apiKey: 'k', baseURL: `${base}/v1` });
		await assert.rejects(
			client.responses.create({ model: 'nobody', input: 'x' }),
			(error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found',
		);
	},
	async messages(base) {
		const client = new Anthropic({ apiKey: 'k', baseURL: base });
		await assert.rejects(
			client.messages.create({ model: 'standin', max_tokens: 1, messages: [] }),
			(error) =>
				error instanceof Anthropic.BadRequestError &&
				error.error.error.type === 'invalid_request_error',
		);
	},
	async chat(base) {
		const client = new OpenAI({ apiKey: 'k', baseURL: `${base}/v1` });
		await assert.rejects(
			client.chat.completions.create({ model: 'standin', messages: [] }),
			(error) => error instanceof OpenAI.BadRequestError,
		);
	},
	async gemini(base) {
		const client = new GoogleGenAI({ apiKey: 'k', httpOptions: { baseUrl: base } });
		await assert.rejects(
			client.models.generateContent({ model: 'nobody', contents: 'x' }),
			(error) => error.status === 404 && error.message.includes('NOT_FOUND'),
		);
	},
};
