"""The Llama family (llama, mistral, qwen2, qwen3, gemma, gemma3_text, phi3): its configuration, and the
operations that prove it."""
