"""The live page: `streamlit run ui`. Reads the enriched topic and knows nothing of how events are scored."""
