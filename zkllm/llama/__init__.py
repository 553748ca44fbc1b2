"""The Llama family (llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text, phi3, gpt_neox): its
configuration, and the operations that prove it."""
