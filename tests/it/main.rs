//! Integration tests: one binary, so that it links once. A module per subject; helpers in `support`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and so do the helpers it calls"
)]

mod audit_chain;
mod cli_changes;
mod cli_compare;
mod cli_doctor;
mod cli_explain;
mod cli_help;
mod cli_key;
mod cli_probe;
mod cli_project;
mod cli_prompt;
mod cli_read;
mod cli_review;
mod cli_serve;
mod cli_theme;
mod config_errors;
mod config_follow;
mod config_load;
mod config_robust;
mod console_any;
mod console_comparing;
mod console_hostile;
mod console_probing;
mod console_pty;
mod console_review_pty;
mod console_screens;
mod console_stage;
mod console_update;
mod control_apply;
mod control_follow;
mod control_project;
mod control_report;
mod control_reviews;
mod control_rules;
mod demo_headless;
mod faults;
mod fuzz_cases;
mod gateway_bodies;
mod gateway_boundaries;
mod gateway_callers;
mod gateway_capture;
mod gateway_count_tokens;
mod gateway_echo;
mod gateway_embeddings;
mod gateway_events;
mod gateway_exhausted;
mod gateway_fallback;
mod gateway_gemini;
mod gateway_kill;
mod gateway_listener;
mod gateway_models;
mod gateway_policy;
mod gateway_provider_made;
mod gateway_relay;
mod gateway_responses;
mod gateway_robust;
mod gateway_stop;
mod gateway_stream;
mod gateway_switches;
mod keymap;
mod layers;
mod probe_compare;
mod probe_judge;
mod probe_lease;
mod probe_rounds;
mod probe_route;
mod readme;
mod review_any;
mod review_corpus;
mod store_backup;
mod store_contract;
mod store_faults;
mod store_outages;
mod store_processes;
mod store_reviews;
mod store_rules;
mod store_samples;
mod support;
mod themes;
mod upstream_tls;
mod wire_captures;
mod wire_embeddings;
mod wire_encoding;
mod wire_gemini;
mod wire_request;
mod wire_response;
mod wire_responses;
mod wire_rows;
mod wire_said;
mod wire_stream;
