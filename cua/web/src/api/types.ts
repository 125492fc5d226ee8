// What the server answers, as far as the page reads it. tests/web holds it against openapi.json.

export type RunState =
	| 'queued'
	| 'starting'
	| 'running'
	| 'done'
	| 'gave_up'
	| 'limit'
	| 'model_error'
	| 'desktop_error'
	| 'stopped'
	| 'interrupted'
	| 'broken_off'
	| 'failed'
	| 'cancelled';

export type RunSettings = {
	model?: string;
	api?: string;
	base_url?: string;
	template?: string;
	tools?: string;
	mcp?: string;
	policy?: string;
	size?: string;
	dpi?: number;
	network?: string;
	memory?: string;
	cpus?: string;
	disk?: string;
	max_steps?: number;
	max_time?: number;
	max_tokens?: number;
	max_cost?: number;
	keep_desktop?: boolean;
};

export type Question = {
	id: string;
	run?: string;
	kind: 'approval' | 'question';
	who?: string;
	words: string;
	reason?: string;
	class?: string;
	rule?: string;
	note?: string;
	picture?: string;
	expires_in_s?: number;
};

// How a run stands that goes on, by its own API: cua/contract/README.md.
export type RunNow = {
	state: 'working' | 'asking' | 'paused' | 'ending';
	step: number;
	desktop?: string;
	question?: Question | null;
};

export type Run = {
	id: string;
	project: string;
	task: string;
	settings: RunSettings;
	state: RunState;
	now: unknown;
	by: string;
	created_ms: number;
	started_ms: number | null;
	ended_ms: number | null;
	error: string | null;
	answer: string | null;
	model: string | null;
	steps: number;
	actions: number;
	ms: number;
	input_tokens: number;
	output_tokens: number;
	cost_usd: number | null;
};

export type Session = { name: string; scopes: string[] };

export type Project = { id: string; name: string; defaults: RunSettings; created_ms: number; changed_ms: number };

export type FileEntry = {
	name: string;
	reachable: boolean;
	type: 'file' | 'folder' | 'link' | 'other';
	bytes: number;
	changed_ms: number;
};

export type Upload = { offset: number; complete: boolean };

export type Restored = {
	files: number;
	folders: number;
	links: number;
	bytes: number;
	left_out: number;
	left_first: string | null;
};

export type Desktop = {
	name: string;
	state: 'running' | 'detached' | 'dead' | 'spare';
	why?: string;
	width: number;
	height: number;
	network: 'none' | 'allow' | 'open';
	sandbox: 'bwrap' | 'none';
	created_ms: number;
	lease?: 'agent' | 'person';
	viewers?: number;
};

// Members that are an object or a list are described as anything in openapi.json.
export type Control = {
	owner: 'agent' | 'person';
	/** Name, or null. */
	person: unknown;
	/** It is who asks. */
	is_you: boolean;
	/** 'act', 'private' or null. */
	mode: unknown;
	since_ms: number;
	/** Of { person, since_ms }. */
	requests: unknown;
};

export type Webhook = { url: string; events?: string[]; secret?: string | null };

export type ServerSettings = {
	max_agents: number | null;
	defaults: RunSettings;
	webhooks: (Webhook & { waiting: number; last_ms: number | null; last_error: string | null })[];
};

export type Template = { name: string; description?: string; problem?: string; is_own: boolean };

export type Prices = {
	input: number | null;
	cached: number | null;
	cache_write: number | null;
	output: number | null;
	confirmed: boolean;
};

export type Model = {
	name: string;
	provider: string;
	api: string;
	base_url: string;
	keys: string[];
	key_set: boolean;
	needs_key: boolean;
	context: number | null;
	max_output: number | null;
	prices: Prices;
	note?: string;
};

export type Provider = {
	name: string;
	api: string;
	base_url: string;
	keys: string[];
	key_set: boolean;
	needs_key: boolean;
};

export type Models = { models: Model[]; providers: Provider[] };

export type Probe = { ok: boolean; message: string };

export type Secret = {
	name: string;
	kind: 'typed' | 'api_key';
	windows: string[];
	origins: string[];
	set_ms: number;
};

export type McpServer = {
	name: string;
	transport: 'stdio' | 'http' | 'sse';
	command?: string;
	url?: string;
	env: string[];
	headers: string[];
	read: string[];
	write: string[];
	network?: string;
};

export type McpTool = { definition: unknown; hash: string; approved: boolean };

export type McpTest = {
	name: string;
	ok: boolean;
	error?: string;
	protocol?: string;
	server?: string;
	version?: string;
	tools?: McpTool[];
	/** What is new since it was approved; none, if there is no hash. */
	changes_hash?: string;
};

export type Usage = {
	key: string;
	runs: number;
	steps: number;
	actions: number;
	ms: number;
	input_tokens: number;
	output_tokens: number;
	cost_usd: number | null;
	cost_unknown: number;
};

export type Token = {
	id: string;
	name: string;
	scopes: string[];
	created_ms: number;
	expires_ms: number | null;
	used_ms: number | null;
	token?: string;
};

export type Health = {
	status: 'ok' | 'degraded';
	problems: string[];
	uptime_s: number;
	connections: number;
	agents: number;
	agents_max: number;
	queued: number | null;
	disk_free_bytes: number;
	memory_free_bytes: number;
};

export type Page<T> = { items: T[]; next: string | null };
