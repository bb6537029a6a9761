"""A model that takes pictures: a LLaVA with random weights."""

import io

import pytest

from core_plus.errors import ConfigurationError
from core_plus.messages import Audio, Image, message
from core_plus.models import ModelRequest
from core_plus_transformers import TransformersModel

SIDE, PATCH = 28, 14
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for p in m.content %}"
    "{% if p.type == 'image' %}<image>{% else %}{{ p.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)


def processor(folder):
    """Cuts pictures into patches, each of them a token."""
    from transformers import AutoTokenizer, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    cut = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    return LlavaProcessor(
        image_processor=cut,
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


@pytest.fixture(scope="module")
def seeing(folder, tmp_path_factory):
    """The model object."""
    from transformers import CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration, Qwen3Config

    made = processor(folder)
    tokenizer = made.tokenizer
    eyes = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
        projection_dim=16,
    )
    words = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=eyes, text_config=words, image_token_id=tokenizer.convert_tokens_to_ids("<image>")
    )
    path = tmp_path_factory.mktemp("models") / "seeing"
    LlavaForConditionalGeneration(config).save_pretrained(path)
    made.save_pretrained(path)
    model = TransformersModel(str(path), options={"eos_token_id": tokenizer.eos_token_id})
    yield model
    model.close()


@pytest.fixture
def picture():
    pictures = pytest.importorskip("PIL.Image", reason="pillow isn't installed: the plugin needs it")
    data = io.BytesIO()
    pictures.new("RGB", (40, 30), "red").save(data, "PNG")
    return Image(data.getvalue())


def test_a_picture_is_read_with_the_words_around_it(seeing, picture):
    looking = ModelRequest((message("system", "Be brief."), message("user", ["look", picture])), max_tokens=4)
    reply = seeing.forward(looking)
    assert reply.usage.output_tokens > 0
    without = ModelRequest((message("system", "Be brief."), message("user", "look")))
    assert seeing.count_tokens(looking) == seeing.count_tokens(without) + (SIDE // PATCH) ** 2


def test_sound_is_refused(seeing):
    with pytest.raises(ConfigurationError, match="no sound"):
        seeing.forward(ModelRequest((message("user", Audio(b"wav")),)))
