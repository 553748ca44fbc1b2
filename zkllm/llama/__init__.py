"""The Llama family (llama, mistral, qwen2, qwen3, gemma, gemma3_text): its configuration, and the operations
that prove it."""
