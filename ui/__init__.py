"""The live page: `streamlit run ui`. It reads the enriched topic and does not know how events are scored."""
