"""The Llama family (llama, mistral, qwen2): its configuration, and the operations that prove it."""
